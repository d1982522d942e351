"""An event is stored in the namespace of its sender's key, or not at all."""

import msgspec
import pytest

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode, parse
from mlmon.pipelines.scope import WRONG_NAMESPACE, scoped


def test_an_event_without_a_namespace_gets_the_keys(line_of):
    """The document carries it, and nothing else of it changes."""
    event = scoped(parse(line_of(1)), "shop")
    assert decode(event) == msgspec.json.decode(line_of(1)) | {schema.NAMESPACE: "shop"}
    assert parse(event.body).id == event.id


def test_a_namespace_of_null_is_none(line_of):
    """Null says nothing, and is said once only."""
    event = scoped(parse(line_of(1, **{schema.NAMESPACE: None})), "shop")
    assert decode(event)[schema.NAMESPACE] == "shop"
    assert event.body.count(schema.NAMESPACE.encode()) == 1


def test_an_event_of_the_namespace_keeps_its_bytes(line_of):
    """What is right is forwarded as it came."""
    event = parse(line_of(1, **{schema.NAMESPACE: "shop"}))
    assert scoped(event, "shop") is event


def test_an_event_of_another_namespace_is_refused(line_of):
    """The message names both."""
    event = parse(line_of(1, **{schema.NAMESPACE: "bank"}))
    with pytest.raises(InvalidEventError, match=r"'bank'.*'shop'") as caught:
        scoped(event, "shop")
    assert caught.value.reason == WRONG_NAMESPACE


@pytest.mark.parametrize("other", [b"data_stream.namespace", b"data\\u005fstream.namespace"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_namespace_that_is_named_twice_is_one_or_refused(line_of, other, is_first):
    """A second name, even in another spelling, cannot smuggle an event into another namespace."""
    name = schema.NAMESPACE.encode()
    pairs = [b'"%s":"shop"' % name, b'"%s":"bank"' % other]
    head = b",".join(pairs if is_first else pairs[::-1])
    line = b"{" + head + b"," + line_of(1)[1:]
    try:
        body = scoped(parse(line), "shop").body
    except InvalidEventError:
        return
    assert b"bank" not in body
    assert body.count(b"shop") == 1
