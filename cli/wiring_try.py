"""What `mlmon try` asks of the analyzers: tables in, rows out, no store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mlmon.analyzers.judged import Judged


def drift(
    reference: Mapping[str, Any], current: Mapping[str, Any], *, mixed: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Every drift statistic of the columns that both tables have, with the verdict; one row a column.

    `mixed` are columns of text that hold numbers on one side.
    """
    from mlmon.analyzers import compare

    return compare.as_rows(compare.compare(reference, current, mixed=mixed))


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
