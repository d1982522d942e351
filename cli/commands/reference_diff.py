"""`mlmon reference diff`: how far two references, or a reference and newer data, are from each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from mlmon.core.query import Row
    from mlmon.core.store import Reader

_MOST_NAMED = 3


@click.command(
    epilog=examples(
        "mlmon reference diff 1 2 --model m",
        "mlmon reference diff 1 today.parquet --model m --format csv",
        "mlmon reference diff 1 --model m --since 7d",
    )
)
@asks(*SOURCE, "since", "until", "model", "format")
@click.argument("before", metavar="BEFORE")
@click.argument("after", metavar="AFTER", required=False)
def command(asked: Asked, before: str, after: str | None) -> None:
    """Compare BEFORE with AFTER, feature by feature: distances, missing rates, categories come and gone.

    Each is a version of the model, a name that `mlmon reference show --all` lists, or a file. Without AFTER
    it is what the model served from --since to --until. Numbers are compared over the edges of BEFORE.
    """
    from mlmon.cli import output, units, wiring, wiring_reference
    from mlmon.cli.output import Column
    from mlmon.core.errors import UsageError

    config = settings(asked)
    with wiring.reading(config) as reader:
        model = _model(asked, reader)
        old = _side(before, reader, model, None)
        if after is not None:
            new = _side(after, reader, model, old)
        elif asked.since or asked.until:
            new = _served(asked, reader)
        else:
            raise UsageError("Compare with what? Name AFTER, or a time that was served with --since.")
    output.write(
        wiring_reference.diff(old, new),
        asked.format,
        keys=wiring_reference.diff_keys(),
        columns=[
            Column("feature", lambda row: row["feature"]),
            Column("PSI", lambda row: _number(row, "psi"), is_number=True),
            Column("KS or V", _size, is_number=True),
            Column("missing", lambda row: units.ratio(row["missing_before"]), is_number=True),
            Column("then", lambda row: units.ratio(row["missing_after"]), is_number=True),
            Column("changed", _changed, wraps=True),
        ],
        empty="Neither has a feature.",
        hint=f"{units.count(old.n)} rows of {old.source}, then {units.count(new.n)} of {new.source}. "
        "All distances: --format json.",
    )


def _model(asked: Asked, reader: Reader) -> str:
    from mlmon.cli.models import one_model

    return asked.model or one_model(reader, settings(asked), asked).name


def _side(wanted: str, reader: Reader, model: str, like: Any) -> Any:  # noqa: ANN401 - references
    """A file where there is one of that name, else a reference."""
    from mlmon.cli import wiring_reference

    if Path(wanted).is_file():
        return wiring_reference.of_file(wanted, model=model, like=like, now=now())
    return wiring_reference.find(reader, model, wanted)


def _served(asked: Asked, reader: Reader) -> Any:  # noqa: ANN401 - a reference
    from mlmon.cli import wiring_analyze
    from mlmon.cli.models import one_model

    config = settings(asked)
    model, window = one_model(reader, config, asked), span(asked)
    assert window is not None  # noqa: S101 - a time was named
    return wiring_analyze.reference_from_window(reader, model, window, now=now(), version="")


def _number(row: Row, key: str) -> str:
    from mlmon.cli import units

    return units.NOTHING if row[key] is None else units.plain(row[key])


def _size(row: Row) -> str:
    return _number(row, "kolmogorov_smirnov" if row["kind"] == "numeric" else "cramers_v")


def _changed(row: Row) -> str:
    if row["in"] != "both":
        return "gone" if row["in"] == "before" else "new"
    if row["kind"] == "mixed":
        return "other type"
    said = []
    for about, names in (("new", row["new_categories"]), ("gone", row["vanished_categories"])):
        if names:
            more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
            said.append(f"{about}: {', '.join(names[:_MOST_NAMED])}{more}")
    return "; ".join(said)
