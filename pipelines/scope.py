"""The namespace of events whose sender may write to one namespace alone."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType, structs

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import Event

WRONG_NAMESPACE: Final = "wrong_namespace"
"""Why such an event is refused. It is no dead letter: whoever replays those may write to any namespace."""

_NAME: Final = schema.NAMESPACE.encode()


class _Named(Struct):
    namespace: str | UnsetType | None = msgspec.field(default=UNSET, name=schema.NAMESPACE)


_named: Final = msgspec.json.Decoder(_Named)
_whole: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def scoped(event: Event, namespace: str) -> Event:
    """The event within a namespace: as it is where it names it, with it where it names none.

    Raises:
        InvalidEventError: it names another one.

    """
    body = event.body
    if body.count(_NAME) > 1 or b"\\u" in body:
        # The name may be there twice, once perhaps in another spelling, and readers differ
        # in which one counts.
        body = msgspec.json.encode(_whole.decode(body))
    named = _named.decode(body).namespace
    if named == namespace:
        return event if body is event.body else structs.replace(event, body=body)
    if named is None:
        body = _without(body)
    elif named is not UNSET:
        raise InvalidEventError(
            WRONG_NAMESPACE,
            f"The event is of the namespace '{named}', and the key is for '{namespace}'. "
            f"Send it with a key for '{named}', or without a namespace.",
        )
    head = msgspec.json.encode({schema.NAMESPACE: namespace})[:-1]
    body = head + b"," + body[body.index(b"{") + 1 :]
    return structs.replace(event, body=body, namespace=namespace)


def _without(body: bytes) -> bytes:
    """The body without a namespace of null."""
    document = _whole.decode(body)
    del document[schema.NAMESPACE]
    return msgspec.json.encode(document)
