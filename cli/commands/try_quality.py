"""`mlmon try quality`: whether a file is fit to be served or learnt from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlmon.cli.options import Asked, asks, examples, now, settings

if TYPE_CHECKING:
    from mlmon.core.query import Row


@click.command(
    epilog=examples(
        "mlmon try quality today.csv",
        "mlmon try quality today.parquet --reference train.parquet --format json",
        "mlmon try quality today.csv --time at --fresh 1d",
    )
)
@asks("config", "model", "format")
@click.argument("file", metavar="FILE", type=click.Path(exists=True, dir_okay=False))
@click.option(
    "--reference",
    "reference_file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False),
    help="What is normal: CSV, Parquet or NDJSON.",
)
@click.option("--time", metavar="COLUMN", help="When a row is of; checks how new and how many they are.")
@click.option("--fresh", metavar="AGE", help="How old the newest row may be: 6h, 1d. It needs --time.")
def command(asked: Asked, file: str, reference_file: str | None, time: str | None, fresh: str | None) -> None:
    """Check each column of FILE, and the whole: missing, type, range, categories, duplicates and more.

    With --reference it is held against another file, with --model against what mlmon.yaml expects of that
    model's features.
    """
    from mlmon.cli import frame, output, wiring_try
    from mlmon.core.errors import UsageError
    from mlmon.core.window import parse_duration

    if fresh is not None and time is None:
        raise UsageError("--fresh says how old the newest row may be. Name the column of times with --time.")
    table = frame.read(file)
    found = wiring_try.quality(
        table.values,
        reference=frame.read(reference_file).values if reference_file else None,
        expect=_expected(asked),
        times=frame.times(table, time) if time else None,
        now=now(),
        fresh=parse_duration(fresh) if fresh else None,
    )
    output.write(
        found,
        asked.format,
        keys=wiring_try.quality_keys(),
        columns=_shown(),
        empty=f"{file} has no columns.",
        hint=_hint(found),
    )


def _expected(asked: Asked) -> dict[str, Any]:
    from mlmon.core.errors import UsageError, nearest

    if asked.model is None:
        return {}
    models = settings(asked).models
    if asked.model not in models:
        raise UsageError(
            f"The settings have no model '{asked.model}'.{nearest(asked.model, models)} "
            "Declare what is expected under models.NAME.expect."
        )
    return models[asked.model].expect


def _shown() -> list[Any]:
    from mlmon.cli import units
    from mlmon.cli.output import Column

    return [
        Column("column", lambda row: row["column"] or "(all)"),
        Column("kind", lambda row: row["kind"] or units.NOTHING),
        Column("missing", lambda row: units.ratio(row.get("missing_rate")), is_number=True),
        Column("distinct", _distinct, is_number=True),
        Column("problems", _problems, wraps=True),
    ]


def _distinct(row: Row) -> str:
    from mlmon.cli import units

    distinct = row.get("distinct")
    return units.NOTHING if distinct is None else units.count(distinct)


def _problems(row: Row) -> str:
    return "; ".join(f"{problem['check']}: {problem['message']}" for problem in row["problems"])


def _hint(found: list[Row]) -> str:
    from mlmon.cli import units

    count = sum(len(row["problems"]) for row in found)
    rows = units.counted(found[0]["rows"], "row")
    columns = units.counted(len(found) - 1, "column")
    return f"{rows}, {columns}: {units.counted(count, 'problem') if count else 'no problem'}."
