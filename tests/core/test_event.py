import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core import event, schema
from mlmon.core.errors import InvalidEventError
from mlmon.core.schema import Dataset


def inference(**changes: Any) -> dict[str, Any]:
    """Make the smallest valid inference, with changes by the name of the schema's constant."""
    document: dict[str, Any] = {
        schema.TIMESTAMP: "2013-03-01T10:00:00Z",
        schema.LOG_LEVEL: "info",
        schema.EVENT_ID: "p-7",
        schema.EVENT_DATASET: Dataset.INFERENCE,
        schema.EVENT_OUTCOME: "success",
        schema.EVENT_SEQUENCE: 7,
        schema.PRODUCER_ID: "p",
        schema.MODEL_NAME: "flights",
        schema.INFERENCE_ID: "a",
    }
    document |= {getattr(schema, name): value for name, value in changes.items()}
    return document


def test_parsing_keeps_the_bytes_and_finds_the_route():
    """The body is the line as it came; the head tells id, dataset, model, producer and sequence."""
    line = json.dumps(inference()).encode()
    parsed = event.parse(line)
    assert parsed.body == line
    assert (parsed.id, parsed.dataset, parsed.model) == ("p-7", Dataset.INFERENCE, "flights")
    assert (parsed.producer, parsed.sequence) == ("p", 7)
    assert parsed.timestamp.isoformat() == "2013-03-01T10:00:00+00:00"


def test_a_line_of_several_lines_becomes_one():
    """Line ends between tokens are taken out, so that a body is always one line."""
    line = json.dumps(inference(MESSAGE="two\nlines"), indent=2).encode()
    parsed = event.parse(line)
    assert b"\n" not in parsed.body
    assert event.decode(parsed)[schema.MESSAGE] == "two\nlines"


@pytest.mark.parametrize(
    "name", ["TIMESTAMP", "LOG_LEVEL", "EVENT_ID", "EVENT_OUTCOME", "MODEL_NAME", "INFERENCE_ID"]
)
def test_a_missing_required_field_is_named(name: str):
    """What lacks a required field is refused with the field's name."""
    document = inference()
    field = getattr(schema, name)
    del document[field]
    with pytest.raises(InvalidEventError, match=field) as caught:
        event.encode(document)
    assert caught.value.reason == "not_valid"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PREDICTION_SCORE", "high"),
        ("FEATURES_NUMERIC", {"temp": "warm"}),
        ("FEATURES_CATEGORICAL", {"carrier": 7}),
        ("TIMESTAMP", "2013-03-01T10:00:00"),
        ("TIMESTAMP", "yesterday"),
        ("EVENT_SEQUENCE", 2**63),
        ("EVENT_ID", ""),
        ("INFERENCE_ID", None),
        ("EVENT_DATASET", "mlmon.nothing"),
    ],
)
def test_a_wrong_value_is_refused_with_its_place(name: str, value: Any):
    """A value of a wrong type, a time without zone and an empty id are refused, and the field is named."""
    field = getattr(schema, name)
    with pytest.raises(InvalidEventError) as caught:
        event.encode(inference(**{name: value}))
    assert field in str(caught.value)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "not_json"),
        (b"hello", "not_json"),
        (b'{"a": NaN}', "not_json"),
        (b"[]", "not_valid"),
        (b"[" * 200_000, "not_valid"),
        (b'{"x":' * 200_000, "too_deep"),
        (json.dumps(inference(MESSAGE="?")).encode().replace(b"?", b"\xff"), "not_utf8"),
    ],
)
def test_what_is_no_object_has_a_reason(line: bytes, reason: str):
    """What is not JSON, not an object, not UTF-8 or too deep is told apart."""
    with pytest.raises(InvalidEventError) as caught:
        event.parse(line)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("value", "reason"), [(b"1e999", "not_valid"), (b'"\xff"', "not_utf8"), (b'"\\ud800"', "not_json")]
)
def test_what_stands_under_an_unknown_key_must_be_sound(value: bytes, reason: str):
    """A number out of range, broken UTF-8 and half a surrogate are refused under an unknown key too."""
    line = json.dumps(inference()).encode()
    assert event.parse(line[:-1] + b', "unknown": 1}').id == "p-7"
    with pytest.raises(InvalidEventError) as caught:
        event.parse(line[:-1] + b', "unknown": ' + value + b"}")
    assert caught.value.reason == reason


@given(st.binary(max_size=200))
def test_any_bytes_are_refused(line: bytes):
    """Bytes that are no event raise InvalidEventError and nothing else."""
    with pytest.raises(InvalidEventError):
        event.parse(line)


@given(
    st.dictionaries(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False) | st.none()),
    st.text(),
)
def test_a_document_survives_the_round_trip(features: dict[str, float | None], message: str):
    """Encoding and decoding gives the document back."""
    document = inference(FEATURES_NUMERIC=features, MESSAGE=message)
    assert event.decode(event.encode(document)) == document


def _nest(document: dict[str, Any]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in document.items():
        *path, last = name.split(".")
        place = nested
        for part in path:
            place = place.setdefault(part, {})
        place[last] = value
    return nested


def test_flatten_undoes_nesting():
    """A nested document becomes the flat one; families stay objects; unknown keys stay, dotted."""
    flat = inference(FEATURES_NUMERIC={"temp": 1.5}, SEGMENT={"carrier": "UA"}, LABELS={"team": "ops"})
    flat["other.thing"] = 1
    assert event.flatten(_nest(flat)) == flat
    assert event.flatten(flat) == flat
