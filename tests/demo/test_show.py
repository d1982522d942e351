import pytest

from mlmon.core.errors import UsageError
from mlmon.demo import show

pytestmark = pytest.mark.slow


def test_the_demo_tells_months_features_and_carriers(shown):
    """It prints, within 80 columns, which months, features and carriers got worse, and by how much."""
    for words in (
        "Which months got worse?",
        "Which features drifted?",
        "Which carriers got worse?",
        "In short",
    ):
        assert words in shown.out
    assert "284,821" in shown.err
    assert "0 dropped" in shown.err
    assert max(map(len, shown.out.splitlines())) <= 80
    april = next(line for line in shown.out.splitlines() if line.startswith("Apr"))
    assert "worse" in april


def test_the_demo_writes_its_report(shown):
    """The report is one file that names the model."""
    assert "flight-delay" in shown.report.read_text()


def test_the_demo_leaves_the_folders_of_others_alone(tmp_path):
    """A folder that holds something else is an error, and stays as it is."""
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match=r"--store"):
        show.run(once=True, port=0, store=str(tmp_path), report=str(tmp_path / "r.html"))
    assert (tmp_path / "thesis.tex").read_text() == "precious"
