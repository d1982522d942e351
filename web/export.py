"""The data behind a chart, as CSV or JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from mlmon.core.clock import isoformat
from mlmon.core.query import Row

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def as_csv(rows: Sequence[Row]) -> str:
    r"""Rows as CSV with a header; text that a spreadsheet would run as a formula is quoted.

    >>> as_csv([{"metric": "=1+1", "value": -0.5}])
    "metric,value\r\n'=1+1,-0.5\r\n"
    """
    text = io.StringIO()
    columns = list(dict.fromkeys(name for row in rows for name in row))
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([_cell(row.get(name)) for name in columns] for row in rows)
    return text.getvalue()


def _cell(value: Any) -> Any:  # noqa: ANN401 - any value of a row
    if isinstance(value, datetime):
        return isoformat(value)
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value


def as_json(value: Any) -> bytes:  # noqa: ANN401 - any plain value
    """Plain values as JSON, dates in RFC 3339; what is not finite becomes null."""
    return msgspec.json.encode(value)
