"""What `mlmon try` asks of the analyzers: tables in, rows out, no store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.judged import Judged
    from mlmon.core.config import ExpectConfig


def drift(
    reference: Mapping[str, Any], current: Mapping[str, Any], *, mixed: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Every drift statistic of the columns that both tables have, with the verdict; one row a column.

    `mixed` are columns of text that hold numbers on one side.
    """
    from mlmon.analyzers import compare

    return compare.as_rows(compare.compare(reference, current, mixed=mixed))


def drift_together(reference: Mapping[str, Any], current: Mapping[str, Any]) -> str:
    """Whether the columns go together alike, in one line; empty where too little is there to say."""
    from mlmon.analyzers import compare_rows

    return compare_rows.sentence(compare_rows.compare(reference, current))


def drift_keys() -> tuple[str, ...]:
    """The keys of the rows of `drift`."""
    from mlmon.analyzers import compare

    return compare.KEYS


def performance(**columns: Any) -> Judged:  # noqa: ANN401 - as the analyzer takes them
    """Every measure of the predictions of a table.

    Raises:
        UsageError: the columns do not fit together.

    """
    from mlmon.analyzers import judged

    return judged.judge(**columns)


def performance_keys() -> tuple[str, ...]:
    """The keys of the rows of `performance`."""
    from mlmon.analyzers import judged

    return judged.KEYS


def quality(
    table: Mapping[str, Any],
    *,
    reference: Mapping[str, Any] | None,
    expect: Mapping[str, ExpectConfig],
    times: Any = None,  # noqa: ANN401 - an array of times
    now: datetime,
    fresh: timedelta | None,
) -> list[dict[str, Any]]:
    """The checks of a table: a row for the whole of it, then one a column."""
    from mlmon.analyzers import expectations, quality_table

    return quality_table.check(
        table,
        reference=reference,
        expect=expectations.declared(expect),
        times=None if times is None else quality_table.Times(values=times, now=now, fresh=fresh),
    )


def quality_keys() -> tuple[str, ...]:
    """The keys of the rows of `quality`."""
    from mlmon.analyzers import quality_table

    return quality_table.KEYS
