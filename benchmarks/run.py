"""Runs the benchmarks: each compares a cost of ours with a named peer's cost.

A benchmark is a file in this folder that gives `NAME`, `PEER`, `GOAL` and `run()`. What `run` returns is the
ratio, our cost divided by the peer's, and a note that says what was measured. Less is better, and the goal is
met when the ratio is not above it. Files whose names start with an underscore hold what benchmarks share;
they are imported by these names, since Python puts the folder of a script on its path.
"""

import importlib.util
import json
import os
import platform
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Protocol, cast

import click
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results.json"
PAGE = HERE.parent / "docs" / "benchmarks.md"
MARKED = re.compile(r"(<!-- results -->\n).*?(<!-- /results -->)", re.DOTALL)


class Benchmark(Protocol):
    """What a benchmark's file gives."""

    NAME: str
    PEER: str
    GOAL: float

    def run(self) -> tuple[float, str]:
        """Return the ratio, and a note that says what was measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One benchmark's outcome; `ratio` is None when it could not run, and `note` then says why."""

    name: str
    ratio: float | None
    peer: str
    goal: float
    note: str

    @property
    def met(self) -> bool:
        """Whether the ratio is not above the goal."""
        return self.ratio is not None and self.ratio <= self.goal


def discover(folder: Path) -> list[Benchmark]:
    """Load every benchmark in a folder, ordered by file name."""
    files = (path for path in sorted(folder.glob("*.py")) if not path.name.startswith("_"))
    return [_load(path) for path in files if path.resolve() != Path(__file__).resolve()]


def _load(path: Path) -> Benchmark:
    spec = importlib.util.spec_from_file_location(f"benchmark_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise click.ClickException(f"{path} can't be loaded as a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if missing := [name for name in ("NAME", "PEER", "GOAL", "run") if not hasattr(module, name)]:
        raise click.ClickException(f"{path.name} is no benchmark: it lacks {', '.join(missing)}")
    return cast("Benchmark", module)


def choose(benchmarks: Sequence[Benchmark], only: str | None) -> list[Benchmark]:
    """Keep the benchmark of one name, or all of them when no name is given."""
    chosen = [benchmark for benchmark in benchmarks if only in (None, benchmark.NAME)]
    if only is not None and not chosen:
        names = ", ".join(benchmark.NAME for benchmark in benchmarks) or "none"
        raise click.UsageError(f"no benchmark is called {only!r}; there are: {names}")
    return chosen


def measure(benchmark: Benchmark) -> Result:
    """Run one benchmark; a failure becomes a result that says why."""
    ratio: float | None
    try:
        ratio, note = benchmark.run()
    except Exception as error:  # noqa: BLE001 - one that fails must not cost the others their run
        ratio, note = None, f"failed: {type(error).__name__}: {error}"
    return Result(name=benchmark.NAME, ratio=ratio, peer=benchmark.PEER, goal=benchmark.GOAL, note=note)


def as_json(results: Iterable[Result]) -> str:
    """Write the results as a JSON list of name, ratio, peer, goal and met."""
    rows = [
        {"name": it.name, "ratio": it.ratio, "peer": it.peer, "goal": it.goal, "met": it.met}
        for it in results
    ]
    return json.dumps(rows, indent=2) + "\n"


def _cells(result: Result) -> tuple[str, ...]:
    ratio = "none" if result.ratio is None else f"{result.ratio:.3g}"
    return result.name, ratio, f"{result.goal:g}", "yes" if result.met else "no", result.peer, result.note


HEADINGS = ("Benchmark", "Ratio", "Goal", "Met", "Peer", "What was measured")


def as_table(results: Iterable[Result]) -> Table:
    """Draw the results for a terminal."""
    table = Table(*HEADINGS, title="our cost / the peer's cost; less is better")
    for result in results:
        table.add_row(*_cells(result), style=None if result.met else "red")
    return table


def as_markdown(results: Iterable[Result], *, day: date, kept: Iterable[Sequence[str]] = ()) -> str:
    """Write the results as a Markdown table by name, each with its day; `kept` are rows of before."""
    conditions = f"Python {platform.python_version()}, {os.cpu_count()} cores, {platform.machine()}"
    new = [(*_cells(result), f"{day}, {conditions}") for result in results]
    names = {row[0] for row in new}
    rows = sorted([*new, *(tuple(row) for row in kept if row[0] not in names)])
    table = [(*HEADINGS, "When, and where"), ("---",) * (len(HEADINGS) + 1), *rows]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in table)


def rows_of(page: str) -> list[list[str]]:
    """The rows of the table that a page has between its markers."""
    found = MARKED.search(page)
    lines = found[0].splitlines() if found else []
    cells = [
        [cell.replace("\\|", "|") for cell in re.split(r" (?<!\\)\| ", line[2:-2])]
        for line in lines
        if line.startswith("| ")
    ]
    return [row for row in cells[2:] if len(row) == len(HEADINGS) + 1]


def write_page(page: Path, results: Iterable[Result], *, day: date, known: Iterable[str]) -> None:
    """Renew the rows of what was measured, between the page's markers; `known` are all benchmarks."""
    old = page.read_text(encoding="utf-8")
    names = frozenset(known)
    table = as_markdown(results, day=day, kept=[row for row in rows_of(old) if row[0] in names])
    text, count = MARKED.subn(lambda match: match[1] + table + match[2], old)
    if count != 1:
        raise click.ClickException(f"{page} needs one pair of <!-- results --> and <!-- /results -->")
    page.write_text(text, encoding="utf-8")


@click.command()
@click.option("--only", metavar="NAME", help="Run this benchmark alone.")
@click.option("--write-docs", is_flag=True, help="Renew the rows of the table in the documentation.")
@click.option("--check", is_flag=True, help="Exit with 1 when a goal is missed.")
@click.option("--folder", type=click.Path(path_type=Path), default=HERE, hidden=True)
@click.option("--out", type=click.Path(path_type=Path), default=RESULTS, hidden=True)
@click.option("--page", type=click.Path(path_type=Path), default=PAGE, hidden=True)
def main(*, only: str | None, write_docs: bool, check: bool, folder: Path, out: Path, page: Path) -> None:
    """Run the benchmarks, print their ratios and write results.json."""
    known = discover(folder)
    chosen = choose(known, only)
    progress = Console(stderr=True)
    results = []
    for benchmark in chosen:
        progress.print(f"running {benchmark.NAME}")
        results.append(measure(benchmark))
    Console().print(as_table(results))
    out.write_text(as_json(results), encoding="utf-8")
    if write_docs:
        write_page(page, results, day=datetime.now(UTC).date(), known=[each.NAME for each in known])
    if any(it.ratio is None for it in results) or (check and not all(it.met for it in results)):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
