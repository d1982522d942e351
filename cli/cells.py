"""How the cells of a text column are read as numbers and times, as expressions of DuckDB's SQL."""

from __future__ import annotations

from itertools import product
from typing import Final

from mlmon.cli.sql import literal, quoted

MISSING: Final = ("", "NA", "N/A", "n/a", "NaN", "nan", "NaT", "NULL", "null", "None", "#N/A", "<NA>")
"""What a cell says when it says nothing."""

_COMMA: Final = r"[+-]?(\d+|\d{1,3}(\.\d{3})+)(,\d*)?([eE][+-]?\d+)?"
_DATES: Final = (
    "%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%m-%d-%Y", "%d-%m-%Y", "%d-%b-%Y", "%d %b %Y", "%d %B %Y",
    "%b %d, %Y", "%B %d, %Y", "%b %d %Y", "%d/%b/%Y", "%d.%m.%y", "%m/%d/%y", "%d/%m/%y", "%Y.%m.%d",
    "%Y%m%d",
)  # fmt: skip
_CLOCKS: Final = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
_WHOLE: Final = (
    "%Y-%m", "%Y/%m", "%m/%Y", "%b %Y", "%B %Y", "%b-%Y", "%b-%y", "%Y-%m-%dT%H", "%Y-%m-%d %H",
    "%Y-%m-%dT%H:%M:%S.%f %z", "%Y-%m-%d %H:%M:%S %z", "%Y-%m-%d %I:%M %p", "%Y-%m-%d %I:%M:%S %p",
    "%Y-%m-%d %H:%M:%S,%g",
    "%Y-%m-%dT%H:%M:%S,%g", "%Y%m%dT%H%M%S", "%Y%m%dT%H%M%SZ", "%d/%b/%Y:%H:%M:%S %z",
    "%a, %d %b %Y %H:%M:%S %Z", "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y",
)  # fmt: skip
FORMATS: Final = _WHOLE + tuple(f"{date} {clock}".strip() for date, clock in product(_DATES, _CLOCKS))
"""Ways to write a time beside ISO 8601, in the words of strptime; month first before day first."""

DIGITS: Final = {6: "%Y%m", 8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Ways to write a time as one whole number, by its number of digits."""


def said(column: str) -> str:
    """The cell as text without the spaces around it; NULL where it says nothing."""
    cell = f"trim({quoted(column)})"
    return f"CASE WHEN {cell} NOT IN ({', '.join(map(literal, MISSING))}) THEN {cell} END"


def number(cell: str) -> str:
    """A number with a point; NULL where it is none."""
    return f"TRY_CAST({cell} AS DOUBLE)"


def comma_number(cell: str) -> str:
    """A number with a decimal comma, and points between thousands; NULL where it is none."""
    return (
        f"CASE WHEN regexp_full_match({cell}, '{_COMMA}') "
        f"THEN TRY_CAST(replace(replace({cell}, '.', ''), ',', '.') AS DOUBLE) "
        f"WHEN regexp_full_match(lower({cell}), '[+-]?inf(inity)?') THEN {number(cell)} END"
    )


def truth(cell: str) -> str:
    """A number, with true as 1 and false as 0."""
    return f"CASE lower({cell}) WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE {number(cell)} END"


def moment(cell: str, form: str | None) -> str:
    """A time in UTC, written as ISO 8601 or in a form of strptime; NULL where it is none."""
    return f"TRY_CAST({cell} AS TIMESTAMPTZ)" if form is None else f"TRY_STRPTIME({cell}, {literal(form)})"
