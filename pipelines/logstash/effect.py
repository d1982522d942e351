"""What Logstash's filter makes of a line, said in Python: a document and its stream, or a dead letter.

This is the description that the filter (`templates/mlmon.rb`) is held to, step by step, and that is held to
the collector's own `Validator`: by either wire a line gives the same document. What cannot be the same:

- A line without an id gets one of another form, as stable as the collector's.
- Logstash writes times with as many digits as it needs; the moment is the same.
- A line of another tool that is within some bytes of the limit as an event may be taken by one and not by the
  other, since their ids differ in length.
- A time in another form than ISO 8601's usual ones is taken as a label, and the line gets the clock's.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock, isoformat, to_datetime, to_text
from mlmon.core.event import Document, flatten
from mlmon.core.schema import Type
from mlmon.pipelines.logstash.check import fault, rfc_3339
from mlmon.pipelines.logstash.rules import DEAD_LETTER_STREAM, DEAD_LETTER_TAG, ORIGINAL, Rules
from mlmon.pipelines.normalise import names_bytes
from mlmon.pipelines.validate import IN_THE_FUTURE, NOT_JSON, NOT_UTF8, NOT_VALID, TOO_DEEP, TOO_LARGE
from mlmon.pipelines.wrapped import unwrapped

TAGS: Final = "tags"

_NAMESPACE: Final = re.compile(r'[^\sA-Z\\/*?"<>|,#:.+_-][^\sA-Z\\/*?"<>|,#:-]*', re.ASCII)
_ISO: Final = re.compile(
    r"(\d{4}-\d{2}-\d{2})(?:[Tt ](\d{2}:\d{2})(:\d{2})?(?:[.,](\d+))?)?([Zz]|[+-]\d{2}(?::?\d{2})?)?",
    re.ASCII,
)
_decode: Final = msgspec.json.Decoder().decode


class Effect(Struct, frozen=True, kw_only=True):
    """What comes out of the filter; `reason` is None where the line is taken."""

    document: Document
    stream: str
    reason: str | None = None
    tags: tuple[str, ...] = ()


Name = Callable[[bool], str]
"""Gives the id of a line that has none, and is told whether the line says when it was written."""


class _Refused(Exception):  # noqa: N818 - it ends a walk through the checks, and never leaves this module
    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def effect(line: bytes, table: Rules, *, clock: Clock = clocks.system) -> Effect:
    """What becomes of one line, or of the line in an agent's record; a dead letter is a document too."""
    line, name = _unwrapped(line, table)
    try:
        document = _document(line, name, table, clock)
    except _Refused as refused:
        return _dead_letter(line, refused, table, clock)
    return Effect(document=document, stream=_stream(document, table))


def _unwrapped(line: bytes, table: Rules) -> tuple[bytes, str | None]:
    """The line that an agent's record is around, and the name that this record gives it."""
    if len(line) > table.max_event_bytes:
        return line, None
    [inner], name = unwrapped([line])
    return inner, None if name is None else name(0)


def _document(line: bytes, name: str | None, table: Rules, clock: Clock) -> Document:
    if len(line) > table.max_event_bytes:
        raise _too_large(len(line), table)
    raw = _read(line, table)
    wrong = fault(raw, table)
    document = raw
    if wrong is not None:
        if (size := names_bytes(raw)) > table.max_event_bytes:
            raise _too_large(size, table)
        document = _normalised(raw, lambda is_fine: name or _id(line, is_fine), table, clock)
        if document == raw:
            raise _Refused(NOT_VALID, wrong)
        wrong = fault(document, table)
        if wrong is None and (size := len(msgspec.json.encode(document))) > table.max_event_bytes:
            raise _too_large(size, table)
    if wrong is not None:
        raise _Refused(NOT_VALID, wrong)
    _check_time(document, table, clock)
    _check_namespace(document, table)
    return document


def _read(line: bytes, table: Rules) -> Document:
    try:
        text = line.decode()
    except UnicodeDecodeError:
        raise _Refused(NOT_UTF8, "The line is not UTF-8.") from None
    if _nesting(text) > table.most_nesting:
        raise _Refused(TOO_DEEP, "The line is nested too deeply. Send flat documents.")
    try:
        raw = _decode(text)
    except msgspec.ValidationError:
        raise _Refused(NOT_VALID, "A number is beyond what 64 bits can say.") from None
    except msgspec.DecodeError:
        raise _Refused(NOT_JSON, "The line is no JSON.") from None
    if not isinstance(raw, dict):
        raise _Refused(NOT_VALID, "The line is no JSON object.")
    return raw


_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"?', re.DOTALL)


def _nesting(text: str) -> int:
    """How deep objects and lists are within each other, whatever else is wrong with the text."""
    depth = deepest = 0
    for mark in re.findall(r"[\[{\]}]", _STRING.sub("", text)):
        depth += 1 if mark in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _normalised(raw: Document, name: Name, table: Rules, clock: Clock) -> Document:
    flat = flatten(raw)
    if flat.get(table.names["dataset"]) in table.datasets or not flat.keys().isdisjoint(table.own):
        return flat
    return _app_log(flat, name, table, clock)


def _app_log(flat: Document, name: Name, table: Rules, clock: Clock) -> Document:
    names = table.names
    document: Document = {names["dataset"]: table.app}
    labels: dict[str, str] = {}
    is_fine = False
    for key, value in flat.items():
        known = _name_of(key, table)
        fitted = _fit(known, value, table) if known is not None and known not in document else None
        if known is not None and fitted is not None:
            document[known] = fitted
            is_fine = is_fine or (known == names["timestamp"] and _is_fine(value, table))
        elif value is not None:
            short = _short(key, [*table.nesting_lost, f"{names['labels']}."])
            labels[key if short in labels else short] = _text(value)
    document.setdefault(names["timestamp"], to_text(clock()))
    document.setdefault(names["level"], "info")
    document.setdefault(names["message"], "")
    if names["id"] not in document:
        document[names["id"]] = name(is_fine)
    if labels:
        document[names["labels"]] = document.get(names["labels"], {}) | labels
    return document


def _id(line: bytes, is_fine: bool) -> str:  # noqa: FBT001 - called once, by position
    if not is_fine:
        return f"logstash.{secrets.token_hex(16)}"
    return f"line.{hashlib.sha256(line).hexdigest()[:32]}"


def _name_of(key: str, table: Rules) -> str | None:
    bare = _short(key, table.nesting_lost)
    name = table.aliases.get(bare, bare)
    return name if name in table.fields[table.app] else None


def _short(key: str, prefixes: list[str]) -> str:
    for prefix in prefixes:
        key = key.removeprefix(prefix)
    return key


def _fit(name: str, value: Any, table: Rules) -> Any:  # noqa: ANN401, PLR0911 - JSON; one answer a type
    if name == table.names["level"]:
        return table.levels.get(str(value).lower())
    check = table.fields[table.app][name]
    match check.type:
        case Type.DATE:
            return _moment(value, table)
        case Type.KEYWORD | Type.TEXT:
            text = _text(value) if isinstance(value, str | int | float) else None
            fits = text is not None and (not check.is_id or 0 < len(text) <= table.longest_id)
            return text if fits else None
        case Type.LONG:
            return (
                value
                if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63
                else None
            )
        case Type.KEYWORD_MAP if isinstance(value, dict):
            return {key: _text(each) for key, each in value.items() if each is not None}
        case Type.KEYWORD_LIST if isinstance(value, list) and all(isinstance(each, str) for each in value):
            return value
    return None


def _moment(value: Any, table: Rules) -> str | None:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        return _iso(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        seconds = value / 1000 if abs(value) > table.epoch_ms_above else value
        return isoformat(datetime.fromtimestamp(seconds, tz=UTC))
    except (ValueError, OverflowError, OSError):
        return None


def _iso(text: str) -> str | None:
    found = _ISO.fullmatch(text)
    if found is None:
        return None
    day, minute, second, fraction, zone = found.groups()
    read = rfc_3339(f"{day}T{minute or '00:00'}{second or ':00'}.{fraction or '0'}{_zone(zone)}")
    return None if read is None else isoformat(read)


def _zone(zone: str | None) -> str:
    if zone is None or zone in "Zz":
        return "Z"
    digits = zone[1:].replace(":", "")
    return f"{zone[0]}{digits:0<4}"


def _is_fine(value: Any, table: Rules) -> bool:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, str):
        return "." in value or "," in value
    return isinstance(value, float) or abs(value) > table.epoch_ms_above


def _text(value: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _check_time(document: Document, table: Rules, clock: Clock) -> None:
    moment = rfc_3339(document[table.names["timestamp"]])
    most = timedelta(seconds=table.max_future_s)
    if moment is not None and moment > to_datetime(clock()) + most:
        raise _Refused(
            IN_THE_FUTURE,
            f"The timestamp is more than {table.max_future_s} s ahead of the clock. Check the host's clock.",
        )


def _check_namespace(document: Document, table: Rules) -> None:
    named = document.get(table.names["namespace"])
    if named is not None and (len(named) > table.longest_namespace or _NAMESPACE.fullmatch(named) is None):
        raise _Refused(NOT_VALID, f"{table.names['namespace']} can be no part of a data stream's name.")


def _too_large(size: int, table: Rules) -> _Refused:
    return _Refused(TOO_LARGE, f"The line has {size} bytes; at most {table.max_event_bytes} are allowed.")


def _stream(document: Document, table: Rules) -> str:
    namespace = document.get(table.names["namespace"]) or table.namespace
    return f"logs-{document[table.names['dataset']]}-{namespace}"


def _dead_letter(line: bytes, refused: _Refused, table: Rules, clock: Clock) -> Effect:
    names = table.names
    tags = (DEAD_LETTER_TAG, f"mlmon_{refused.reason}")
    document: Document = {
        names["timestamp"]: to_text(clock()),
        names["level"]: "error",
        names["message"]: f"A line was refused: {refused}",
        names["id"]: f"dead.{hashlib.sha256(line).hexdigest()[:32]}",
        names["dataset"]: table.app,
        names["error_type"]: refused.reason,
        names["error_message"]: str(refused),
        ORIGINAL: line[: table.max_event_bytes].decode(errors="replace"),
        TAGS: list(tags),
    }
    stream = f"logs-{table.app}.{DEAD_LETTER_STREAM}-{table.namespace}"
    return Effect(document=document, stream=stream, reason=refused.reason, tags=tags)
