import socket
import sys

import pytest
from rich.console import Console

from mlmon.core import schema
from mlmon.core.errors import UsageError, WireError
from mlmon.core.query import Count, Distinct, Measure, Query
from mlmon.core.schema import Dataset
from mlmon.demo import flights, show
from mlmon.demo.collecting import collector
from mlmon.stores.embedded import open_store

pytestmark = pytest.mark.slow


def test_the_demo_tells_months_features_and_carriers(shown):
    """It prints, within 80 columns, which months, features and carriers got worse, and by how much."""
    for words in (
        "Which months got worse?",
        "Which features drifted?",
        "Which inputs were not as expected?",
        "Which carriers got worse?",
        "In short",
    ):
        assert words in shown.out
    assert "284,821" in shown.err
    assert "0 dropped" in shown.err
    assert max(map(len, shown.out.splitlines())) <= 80
    assert any(line.startswith("temp ") and "outside the expected" in line for line in shown.out.splitlines())
    april = next(line for line in shown.out.splitlines() if line.startswith("Apr"))
    assert "worse" in april


def test_the_demo_writes_its_report(shown):
    """The report is one file that names the model."""
    assert "flight-delay" in shown.report.read_text()


@pytest.mark.parametrize(
    ("called", "command"),
    [(".venv/bin/mlmon", ".venv/bin/mlmon"), ("/somewhere/cli/__main__.py", "python -m mlmon.cli")],
)
def test_what_to_run_next_can_be_run_from_here(monkeypatch, tmp_path, called, command):
    """The commands that the demo names begin as it was called itself, where mlmon is not on the path."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", [called])
    assert show._command() == command
    (tmp_path / "mlmon").touch(mode=0o755)
    assert show._command() == "mlmon"


def test_the_demo_leaves_the_folders_of_others_alone(tmp_path):
    """A folder that holds something else is an error, and stays as it is."""
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UsageError, match=r"--store"):
        show.run(once=True, port=0, store=str(tmp_path), report=str(tmp_path / "r.html"))
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_the_demo_serves_to_a_collector_that_runs_elsewhere(table, training, tmp_path):
    """Every flight of a week is an inference in the store of the collector it was shipped to."""
    week = flights.serving(table).head(5_000)
    with collector(str(tmp_path / "store")) as ship:
        show.send(week, training, ship, Console(quiet=True))
    store = open_store(tmp_path / "store", read_only=True)
    measures: dict[str, Measure] = {"n": Count(), "different": Distinct(schema.INFERENCE_ID)}
    found = store.query(Query(dataset=Dataset.INFERENCE, measures=measures)).rows
    store.close()
    assert found == [{"n": 5_000, "different": 5_000}]


def test_the_demo_says_when_events_were_not_taken(table, training, closed_port):
    """An address where nobody listens is an error that has it, without its secrets."""
    with pytest.raises(WireError, match=rf"were not taken by http://127.0.0.1:{closed_port}\."):
        show.send(
            flights.serving(table).head(20),
            training,
            f"http://127.0.0.1:{closed_port}?verify=false",
            Console(quiet=True),
            wait_s=0.5,
        )


@pytest.fixture
def closed_port() -> int:
    """Give a port at which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port: int = taken.getsockname()[1]
    return port
