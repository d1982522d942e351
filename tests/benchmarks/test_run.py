import json
import subprocess
import sys
from pathlib import Path

import pytest

INVENTED = """
NAME = "invented"
PEER = "an invented peer"
GOAL = 2.0

def run():
    return {ratio}, "one | two"
"""
PAGE = "# Page\n\nBefore.\n\n<!-- results -->\nold\n<!-- /results -->\n\nAfter.\n"


@pytest.fixture
def bench(root, tmp_path):
    """Run the runner on a folder of invented benchmarks; give the finished process."""
    (tmp_path / "page.md").write_text(PAGE)

    def run(*args: str, **sources: str) -> subprocess.CompletedProcess:
        for name, source in sources.items():
            (tmp_path / f"{name}.py").write_text(source)
        places = ["--folder", tmp_path, "--out", tmp_path / "results.json", "--page", tmp_path / "page.md"]
        command = [sys.executable, root / "benchmarks" / "run.py", *places, *args]
        return subprocess.run(command, check=False, capture_output=True, text=True)

    return run


def _results(folder: Path) -> list:
    return json.loads((folder / "results.json").read_text())


def test_a_ratio_below_the_goal_meets_it(bench, tmp_path):
    """A result holds the name, the ratio, the peer and the goal, and is met when the ratio is not above."""
    done = bench(a=INVENTED.format(ratio=1.5))
    assert done.returncode == 0, done.stderr
    assert "invented" in done.stdout
    (row,) = _results(tmp_path)
    assert row == {"name": "invented", "ratio": 1.5, "peer": "an invented peer", "goal": 2.0, "met": True}


def test_a_missed_goal_fails_only_when_checked(bench, tmp_path):
    """A ratio above its goal is written as not met, and ends with 1 under --check alone."""
    assert bench(a=INVENTED.format(ratio=2.5)).returncode == 0
    assert _results(tmp_path)[0]["met"] is False
    assert bench("--check").returncode == 1


def test_a_benchmark_that_fails_does_not_stop_the_others(bench, tmp_path):
    """A benchmark that raises has no ratio, is not met and ends the run with 1, after the others ran."""
    broken = INVENTED.format(ratio="1 / 0").replace("invented", "broken")
    done = bench(a=broken, b=INVENTED.format(ratio=1))
    assert done.returncode == 1
    assert [(row["name"], row["ratio"], row["met"]) for row in _results(tmp_path)] == [
        ("broken", None, False),
        ("invented", 1, True),
    ]


def test_only_runs_the_one_named(bench, tmp_path):
    """With --only, no other benchmark runs, and an unknown name is answered with the known ones."""
    other = INVENTED.format(ratio=1).replace("invented", "other")
    assert bench("--only", "other", a=INVENTED.format(ratio=1), b=other, _shared="raise").returncode == 0
    assert [row["name"] for row in _results(tmp_path)] == ["other"]
    unknown = bench("--only", "nothing")
    assert unknown.returncode == 2
    assert "there are: invented, other" in unknown.stderr


def test_a_file_that_is_no_benchmark_is_named(bench):
    """A file that lacks a part of the protocol is refused with its name and what it lacks."""
    done = bench(a="NAME = 'a'\nPEER = 'b'")
    assert done.returncode == 1
    assert "a.py is no benchmark: it lacks GOAL, run" in done.stderr


def test_the_page_keeps_what_is_around_the_table(bench, tmp_path):
    """With --write-docs, the table stands between the markers, and the rest of the page stays."""
    assert bench("--write-docs", a=INVENTED.format(ratio=1.5)).returncode == 0
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("# Page\n\nBefore.\n\n<!-- results -->\n| Benchmark | Ratio ")
    assert page.endswith("|\n<!-- /results -->\n\nAfter.\n")
    assert "| invented | 1.5 | 2 | yes | an invented peer | one \\| two | 20" in page
    assert "old" not in page


def test_the_page_keeps_the_rows_that_were_not_measured(bench, tmp_path):
    """With --only, the row of that benchmark is renewed, others stay, and those that are gone go."""
    first, second = INVENTED.format(ratio=1.5), INVENTED.format(ratio=0.5).replace("invented", "other")
    assert bench("--write-docs", a=first, b=second).returncode == 0
    assert bench("--only", "other", "--write-docs", a=first, b=second.replace("0.5", "0.7")).returncode == 0
    page = (tmp_path / "page.md").read_text()
    assert "| invented | 1.5 | 2 | yes | an invented peer | one \\| two | 20" in page
    assert "| other | 0.7 |" in page
    assert "0.5" not in page
    (tmp_path / "a.py").unlink()
    assert bench("--only", "other", "--write-docs").returncode == 0
    assert "invented |" not in (tmp_path / "page.md").read_text()
