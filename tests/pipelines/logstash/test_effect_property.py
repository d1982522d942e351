import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.event import decode
from mlmon.pipelines.logstash.effect import effect
from mlmon.pipelines.normalise import ALIASES
from mlmon.pipelines.validate import Validator

NAMES = st.sampled_from(
    [*schema.FIELDS, *ALIASES, "extra", "log", "event", "mlmon", "a", "labels.b", "extra.level"]
)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats(allow_nan=False, allow_infinity=False, width=32)
    | st.text(max_size=8)
    | st.sampled_from(["2013-03-01T10:00:00Z", "2013-03-01 10:00:00,5", "WARN", *schema.Dataset]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(NAMES | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)
EVENT = {
    "@timestamp": "2013-03-01T10:00:00Z", "log.level": "info", "event.id": "a", "event.outcome": "success",
    "event.dataset": "mlmon.inference", "mlmon.model.name": "m", "mlmon.inference.id": "i",
}  # fmt: skip
OURS = st.dictionaries(NAMES, VALUES, max_size=3).map(lambda more: EVENT | more)


def collected(line, limits, clock):
    """Give what the collector makes of a line: a document and no reason, or a reason."""
    try:
        return decode(Validator(limits, clock=clock)(line)), None
    except InvalidEventError as error:
        return None, error.reason


@given(st.dictionaries(NAMES, VALUES, max_size=6) | OURS)
@settings(deadline=None, max_examples=400)
def test_any_object_is_taken_alike(table, limits, clock, comparable, document):
    """Whatever object a line is, both wires give the same document, or refuse it for the same reason."""
    line = msgspec.json.encode(document)
    found = effect(line, table, clock=clock)
    if found.reason is not None and "stream's name" in found.document["error.message"]:
        return  # the collector leaves a namespace to its store
    document, reason = collected(line, limits, clock)
    assert found.reason == reason
    if document is not None:
        assert comparable(found.document) == comparable(document)
