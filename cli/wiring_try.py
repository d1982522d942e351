"""What `mlmon try` asks of the analyzers: tables in, rows out, no store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any


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
