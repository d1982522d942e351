"""An event as the pipelines carry it: what routing needs, and the bytes as they came.

`parse` validates a line once, against the schema; from there on the bytes are forwarded unchanged.
"""

from __future__ import annotations

from datetime import datetime
from functools import reduce
from operator import or_
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.schema import EVENTS, Dataset, Field, Type

Document = dict[str, Any]
"""An event or result as one flat JSON object."""


class Event(Struct, frozen=True, kw_only=True, gc=False):
    """One validated event. `body` is its JSON, one line, UTF-8, without the line's end.

    `is_stamped` says that the body has a time of ingestion already, which a store replaces by its own.
    """

    id: str
    dataset: Dataset
    timestamp: datetime
    model: str | None
    producer: str | None
    sequence: int | None
    body: bytes
    namespace: str | None = None
    is_stamped: bool = False


_Moment = Annotated[datetime, Meta(tz=True)]
_Id = Annotated[str, Meta(min_length=1, max_length=512)]
_TYPES: Final[dict[Type, Any]] = {
    Type.DATE: _Moment,
    Type.KEYWORD: str,
    Type.TEXT: str,
    Type.LONG: Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)],
    Type.DOUBLE: float,
    Type.BOOLEAN: bool,
    Type.KEYWORD_LIST: list[str],
    Type.DOUBLE_MAP: dict[str, float | None],
    Type.KEYWORD_MAP: dict[str, str | None],
}
_IDS: Final = frozenset({schema.EVENT_ID, schema.INFERENCE_ID, schema.MODEL_NAME})


def _attribute(name: str) -> str:
    return name.replace("@", "").replace(".", "_")


def _struct(dataset: Dataset, *, is_open: bool) -> type[Struct]:
    """The document of one dataset as a struct, so that decoding a line is validating it.

    An open one passes over keys that the schema does not know.
    """
    return msgspec.defstruct(
        _attribute(dataset).title(),
        [
            _member(field, dataset)
            for field in schema.fields_of(dataset)
            if field.name != schema.EVENT_DATASET
        ],
        tag_field=schema.EVENT_DATASET,
        tag=str(dataset),
        rename={_attribute(field.name): field.name for field in schema.FIELDS.values()},
        frozen=True,
        kw_only=True,
        gc=False,
        forbid_unknown_fields=not is_open,
    )


def _member(field: Field, dataset: Dataset) -> tuple[str, Any, Any] | tuple[str, Any]:
    kind = _Id if field.name in _IDS else _TYPES[field.type]
    if dataset in field.required:
        return (_attribute(field.name), kind)
    if field.name == schema.EVENT_INGESTED:
        return (_attribute(field.name), kind | None | UnsetType, UNSET)  # a null would stand in the way too
    return (_attribute(field.name), kind | None, None)


_CLOSED: Final = {_struct(dataset, is_open=False): dataset for dataset in EVENTS}
_OPEN: Final = {_struct(dataset, is_open=True): dataset for dataset in EVENTS}
_DATASETS: Final = _CLOSED | _OPEN
_decode_closed: Final = msgspec.json.Decoder(reduce(or_, _CLOSED)).decode
_decode_open: Final = msgspec.json.Decoder(reduce(or_, _OPEN)).decode
_decode_any: Final = msgspec.json.Decoder(dict[str, Any]).decode
_LF: Final = ord("\n")
_CR: Final = ord("\r")  # bytes are searched for a number five times as fast as for other bytes
_REFUSALS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def parse(line: bytes) -> Event:
    """Validate one JSON object against the schema.

    Raises:
        InvalidEventError: reason `not_json`, `not_utf8`, `too_deep` or `not_valid`; the message names the
            field and the type that was expected.

    """
    try:
        document: Any = _decode_closed(line)
    except _REFUSALS:
        document = _decode_slowly(line)
    # Every line goes through here, so what is asked of each is asked in place, without a call.
    return Event(
        id=document.event_id,
        dataset=_DATASETS[type(document)],
        timestamp=document.timestamp,
        model=document.mlmon_model_name or None,
        producer=document.mlmon_producer_id or None,
        sequence=document.event_sequence,
        body=_one_line(line) if _LF in line or _CR in line else line,
        namespace=document.data_stream_namespace or None,
        is_stamped=document.event_ingested is not UNSET,
    )


def _decode_slowly(line: bytes) -> Any:  # noqa: ANN401 - a struct whose fields are made from the table
    """The line as a struct, where it has keys that the schema does not know, or the reason why it is none."""
    try:
        document = _decode_open(line)
        _decode_any(line)  # the open struct passes over unknown values unread, and stores read them
    except msgspec.ValidationError as error:
        raise InvalidEventError("not_valid", f"{error}.") from None
    except UnicodeDecodeError as error:
        raise InvalidEventError(
            "not_utf8", f"The record is not UTF-8: {error.reason} at byte {error.start}."
        ) from None
    except msgspec.DecodeError as error:
        raise InvalidEventError("not_json", f"The record is no JSON object: {error}.") from None
    except RecursionError:
        raise InvalidEventError("too_deep", "The record is nested too deeply. Send flat documents.") from None
    return document


def _one_line(line: bytes) -> bytes:
    """The line without its ends, which JSON allows between tokens and only there."""
    return line.replace(b"\n", b" ").replace(b"\r", b" ")


def encode(document: Document) -> Event:
    """Validate a document made in this process and give it the form that stores take.

    Raises:
        InvalidEventError: as `parse` does.

    """
    return parse(msgspec.json.encode(document))


def decode(event: Event) -> Document:
    """The whole document of an event."""
    return _decode_any(event.body)


def flatten(nested: Document) -> Document:
    """A document with nested objects in the flat form: dotted keys for declared fields, families as objects.

    Keys that the schema does not know stay, dotted.

    >>> flatten({"log": {"level": "info"}, "mlmon": {"segment": {"carrier": "UA"}}})
    {'log.level': 'info', 'mlmon.segment': {'carrier': 'UA'}}
    """
    flat: Document = {}
    _flatten("", nested, flat)
    return flat


def _flatten(prefix: str, nested: Document, flat: Document) -> None:
    for key, value in nested.items():
        name = f"{prefix}{key}"
        if isinstance(value, dict) and name not in schema.FIELDS:
            _flatten(f"{name}.", value, flat)
        else:
            flat[name] = value
