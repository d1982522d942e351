"""`mlmon try drift`: whether two files hold the same data, column by column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlmon.cli.options import Asked, asks, examples

if TYPE_CHECKING:
    from mlmon.cli.frame import Frame
    from mlmon.core.query import Row


@click.command(
    epilog=examples(
        "mlmon try drift --reference train.csv --current today.csv",
        "mlmon try drift --reference a.parquet --current b.parquet --columns temp",
    )
)
@asks("format")
@click.option(
    "--reference",
    "reference_file",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="What is normal: CSV, Parquet or NDJSON.",
)
@click.option(
    "--current",
    "current_file",
    metavar="FILE",
    required=True,
    type=click.Path(exists=True, dir_okay=False),
    help="What is held against it.",
)
@click.option("--columns", metavar="A,B", help="Only these columns. Default: all that both files have.")
def command(asked: Asked, reference_file: str, current_file: str, columns: str | None) -> None:
    """Tell which columns have drifted from one file to the other, and by how much.

    A column has drifted when there are at least 100 rows on both sides, the PSI is 0.1 or more and more than
    chance gives, and the test's p-value, adjusted for the number of columns, is at most 0.001. Times are left
    out unless they are named.
    """
    from mlmon.cli import output, wiring_try

    named = tuple(name.strip() for name in columns.split(",") if name.strip()) if columns else ()
    reference, current, times = _read(reference_file, current_file, named)
    reference, current, mixed = _alike(reference, current)
    found = list(wiring_try.drift(reference.values, current.values, mixed=mixed))
    together = wiring_try.drift_together(reference.values, current.values) if asked.format == "table" else ""
    output.write(
        found,
        asked.format,
        keys=wiring_try.drift_keys(),
        columns=_shown(),
        empty=f"{reference_file} and {current_file} have no column in common.",
        hint=_hint(found, together, reference, current, times),
    )


def _read(reference_file: str, current_file: str, named: tuple[str, ...]) -> tuple[Frame, Frame, list[str]]:
    """Both files less their columns of times, which are named last; where some are asked for, none."""
    from mlmon.cli import frame, readings

    sides = [frame.read(path, only=named) for path in (reference_file, current_file)]
    kinds: dict[str, set[str]] = {}
    for side in sides:
        for name, kind in side.kinds.items():
            if not frame.is_empty(side, name):
                kinds.setdefault(name, set()).add(kind)
    times = [] if named else [name for name, found in kinds.items() if found == {readings.TIME}]
    left, right = (frame.without(side, times) for side in sides)
    return left, right, times


def _alike(left: Frame, right: Frame) -> tuple[Frame, Frame, list[str]]:
    """Both files; the columns named last are text in one of them, so they are read as text from both."""
    from mlmon.cli import frame

    other = [
        name
        for name, kind in left.kinds.items()
        if right.kinds.get(name, kind) != kind
        and not frame.is_empty(left, name)
        and not frame.is_empty(right, name)
    ]
    return frame.reread(left, as_text=other), frame.reread(right, as_text=other), other


def _shown() -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    def number(key: str) -> Any:  # noqa: ANN401 - a function of a row
        return lambda row: units.NOTHING if row[key] is None else units.plain(row[key])

    return [
        Column("column", lambda row: row["column"]),
        Column("verdict", lambda row: row["verdict"]),
        Column("PSI", number("psi"), is_number=True),
        Column("bound", number("bound"), is_number=True),
        Column("KS or V", _size, is_number=True),
        Column("p", _chance, is_number=True),
        Column("missing", lambda row: units.ratio(row["missing_current"]), is_number=True),
        Column("n", lambda row: units.count(row["n_current"]), is_number=True),
    ]


def _size(row: Row) -> str:
    from mlmon.cli import units

    value = row["kolmogorov_smirnov"] if row["kind"] == "numeric" else row["cramers_v"]
    return units.NOTHING if value is None else units.plain(value)


def _chance(row: Row) -> str:
    from mlmon.cli import units

    value = row["p_adjusted"]
    return units.NOTHING if value is None else f"{value:.2g}"


def _hint(found: list[Row], together: str, reference: Frame, current: Frame, times: list[str]) -> str:
    from mlmon.cli import units

    drifted = sum(row["verdict"] == "drift" for row in found)
    said = [f"{drifted} of {units.counted(len(found), 'column')} drifted"]
    if together:
        said.append(together)
    for one, other in ((reference, current), (current, reference)):
        alone = [name for name in one.values if name not in other.values]
        if alone:
            said.append(f"only in {one.path}: {', '.join(alone)}")
    if times:
        said.append(f"times left out: {', '.join(times)}")
    return f"{'; '.join(said)}. All statistics: --format json."
