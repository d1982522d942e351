"""What to do with lines that were valid events and that DuckDB refuses.

A validated event can still hold a key twice, a date in a form that only RFC 3339 readers know (`t` and `z`
in lower case), half a surrogate pair or broken UTF-8 under a key that the schema does not know, or keys
that differ in case alone. `mend` writes such a line anew with the same meaning; what even then cannot be
read is isolated, so that its neighbours go on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

import msgspec

from mlmon.core import schema
from mlmon.core.clock import isoformat
from mlmon.core.schema import FIELDS, Type

EXTRA: Final = "mlmon.extra"
"""The column, and in a mended line the key, of what the schema does not know."""

_DATES: Final = frozenset(field.name for field in FIELDS.values() if field.type is Type.DATE)


def mend(line: bytes) -> bytes:
    """The same document in a form that DuckDB reads: keys once, dates in full, text that is text.

    Raises:
        ValueError, RecursionError: the line is no document.

    """
    document: dict[str, Any] = json.loads(line.decode("utf-8", "replace"))
    known = {key: value for key, value in document.items() if key in FIELDS}
    for name in _DATES & known.keys():
        if known[name] is not None:
            known[name] = isoformat(msgspec.convert(known[name], datetime))
    extra = {key: value for key, value in document.items() if key not in FIELDS and key != EXTRA}
    kept = document.get(EXTRA)
    extra = (kept if isinstance(kept, dict) else {}) | extra
    text = json.dumps(known | ({EXTRA: extra} if extra else {}), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def mend_all(lines: Iterable[bytes]) -> tuple[list[bytes], list[tuple[bytes, str]]]:
    """The mended lines, and those that are no documents with the reason."""
    good: list[bytes] = []
    bad: list[tuple[bytes, str]] = []
    for line in lines:
        try:
            good.append(mend(line))
        except (ValueError, RecursionError, TypeError, AttributeError, OverflowError) as error:
            bad.append((line, f"{type(error).__name__}: {error}"))
    return good, bad


def isolate(
    lines: list[bytes], attempt: Callable[[list[bytes]], None], refusal: type[Exception]
) -> list[tuple[bytes, str]]:
    """Hand lines to `attempt`, in halves where it refuses them; return those it never took, with reasons."""
    if not lines:
        return []
    try:
        attempt(lines)
    except refusal as error:
        if len(lines) == 1:
            return [(lines[0], str(error).split("\n", 1)[0])]
        middle = len(lines) // 2
        return isolate(lines[:middle], attempt, refusal) + isolate(lines[middle:], attempt, refusal)
    return []


def dead_letter(line: bytes, reason: str) -> bytes:
    """One line of the file of what could not be kept: the reason and the bytes as text."""
    return (
        msgspec.json.encode({schema.ERROR_MESSAGE: reason, "line": line.decode("utf-8", "replace")}) + b"\n"
    )
