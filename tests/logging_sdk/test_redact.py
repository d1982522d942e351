import hashlib
import hmac

import pytest

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.logging_sdk import ModelLogger, allow_only, drop, keyed_hash, mask, mask_text
from mlmon.logging_sdk.redact import EMAIL, KEY_VARIABLE, redactor


def test_names_are_dropped_masked_and_hashed_in_every_family(events):
    """Rules by name apply to features, segment and labels, and the event says what they touched."""
    rules = [drop("ssn"), mask("card*"), keyed_hash("customer", key="secret")]
    log = ModelLogger("m", redact=rules, segments=["customer"])
    features = {"ssn": "1", "card_no": "4111", "card_n": 4, "customer": 17, "temp": 1.5}
    with log.inference(features) as inference:
        inference.predict(label="a")
    log.info("x", extra={"ssn": "1", "ok": "yes"})
    served, line = events
    digest = hmac.new(b"secret", b"17", hashlib.sha256).hexdigest()[:32]
    assert served[schema.FEATURES_CATEGORICAL] == {"card_no": "***", "customer": digest}
    assert served[schema.FEATURES_NUMERIC] == {"card_n": None, "temp": 1.5}
    assert served[schema.SEGMENT] == {"customer": digest}
    assert served[schema.REDACTION_COUNT] == 5
    assert schema.member(schema.SEGMENT, "customer") in served[schema.REDACTION_FIELDS]
    assert line[schema.LABELS] == {"ok": "yes"}


def test_only_allowed_features_leave(events):
    """An allow-list removes all other features, also of a batch, and leaves labels alone."""
    log = ModelLogger("m", redact=[allow_only("temp", "wind*")])
    with log.batch({"temp": [1.0], "wind_gust": [2.0], "name": ["x"]}) as batch:
        batch.predict(label=["a"])
    log.info("x", extra={"who": "x"})
    assert events[0][schema.FEATURES_NUMERIC] == {"temp": 1.0, "wind_gust": 2.0}
    assert events[0][schema.FEATURES_CATEGORICAL] == {}
    assert events[1][schema.LABELS] == {"who": "x"}


def test_texts_are_masked_in_messages_and_errors(events):
    """What a pattern finds is masked in the message, in errors with their stack, and in labels."""
    log = ModelLogger("m", redact=[mask_text(EMAIL)])
    try:
        raise ValueError("no user a.b@example.org")  # noqa: TRY301 - what exception() is for
    except ValueError:
        log.exception("lost %s", "c@example.org", extra={"to": "d@example.org"})
    assert "example.org" not in str(events[0])
    assert events[0][schema.MESSAGE] == "lost ***"


def test_a_document_is_not_changed():
    """Redaction gives a new document and leaves the one it was given as it was."""
    document = {schema.LABELS: {"ssn": "1"}}
    assert redactor([drop("labels.ssn")])(document)[schema.LABELS] == {}
    assert document == {schema.LABELS: {"ssn": "1"}}


def test_a_hash_needs_a_key(monkeypatch):
    """A keyed hash takes its key from the environment, and without one is refused."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    with pytest.raises(UsageError):
        keyed_hash("x")
    monkeypatch.setenv(KEY_VARIABLE, "secret")
    assert keyed_hash("x").replace("17") == keyed_hash("x", key=b"secret").replace("17")
