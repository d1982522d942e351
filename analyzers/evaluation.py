"""An inference and its outcome, as one evaluation: was it right, how far off, how surprising?

An evaluation is written once and never changed. What a correction makes of it is another document that
withdraws it: the same with the negative weight.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Any, Final

import msgspec

from mlmon.analyzers.models import BINARY, MULTICLASS, REGRESSION
from mlmon.analyzers.statistics.log_loss import event_log_loss
from mlmon.core import schema
from mlmon.core.event import Document, Event
from mlmon.core.schema import Dataset

FROM_INFERENCE: Final = (
    schema.TIMESTAMP, schema.MODEL_NAME, schema.MODEL_VERSION, schema.MODEL_RUN_ID, schema.NAMESPACE,
    schema.ENDPOINT, schema.VARIANT, schema.TASK, schema.INFERENCE_ID, schema.ITEM_INDEX, schema.BATCH_SIZE,
    schema.PREDICTION_LABEL, schema.PREDICTION_VALUE, schema.PREDICTION_SCORE,
    schema.PREDICTION_PROBABILITIES, schema.PREDICTION_THRESHOLD, schema.SEGMENT,
)  # fmt: skip
"""What an evaluation takes over from its inference."""

FROM_OUTCOME: Final = (
    schema.OUTCOME_LABEL, schema.OUTCOME_VALUE, schema.OUTCOME_OBSERVED_AT, schema.OUTCOME_SOURCE,
)  # fmt: skip
"""What an evaluation takes over from its outcome."""

_LEVEL: Final = "info"
_DATASET: Final = str(Dataset.EVALUATION)
_MICROSECOND: Final = timedelta(microseconds=1)
_encode: Final = msgspec.json.Encoder().encode


def evaluate(inference: Document, outcome: Document, task: str, positive: str | None) -> Document:
    """The evaluation of an outcome; what cannot be computed is absent.

    For a class: `correct`; with a score and a positive label (binary) or with probabilities (multiclass) the
    log loss in nats, clipped as scikit-learn does; `error` is score minus 1 or 0 (binary). For a number:
    `error` is prediction minus truth, `loss` its size.
    """
    document = _joined(inference, outcome)
    document[schema.EVALUATION_WEIGHT] = weight_of(inference)
    document[schema.EVENT_ID] = _id(document, "+")
    observed = outcome.get(schema.OUTCOME_OBSERVED_AT)
    if observed is not None:
        document[schema.EVALUATION_DELAY] = (observed - inference[schema.TIMESTAMP]) // _MICROSECOND * 1000
    if task == REGRESSION:
        _judge_number(document)
    else:
        _judge_class(document, task, positive)
    return document


def withdrawn(evaluation: Document) -> Document:
    """The document that takes an evaluation back."""
    document = dict(evaluation)
    document.pop(schema.EVENT_INGESTED, None)
    document[schema.EVALUATION_WEIGHT] = -evaluation[schema.EVALUATION_WEIGHT]
    document[schema.EVENT_ID] = _id(document, "-")
    return document


def tombstone(inference: Document, outcome: Document) -> Document:
    """The mark of a retraction: it has weight 0 and counts nowhere, but keeps older revisions out."""
    document = _joined(inference, outcome)
    for name in (schema.OUTCOME_LABEL, schema.OUTCOME_VALUE):
        document.pop(name, None)
    document[schema.EVALUATION_WEIGHT] = 0.0
    document[schema.EVENT_ID] = _id(document, "0")
    return document


def revision_of(document: Document) -> int:
    """The revision of an outcome or of the evaluation made from it."""
    return document.get(schema.OUTCOME_REVISION) or 0


def weight_of(inference: Document) -> float:
    """How many inferences it stands for; one where nothing sensible is said."""
    weight = inference.get(schema.SAMPLE_WEIGHT)
    return float(weight) if weight is not None and weight > 0.0 else 1.0


def to_event(document: Document) -> Event:
    """The event of a document that was made here from validated ones, so it is not validated again."""
    return Event(
        id=document[schema.EVENT_ID],
        dataset=Dataset.EVALUATION,
        timestamp=document[schema.TIMESTAMP],
        model=document[schema.MODEL_NAME],
        producer=None,
        sequence=None,
        body=_encode(document),
    )


def _joined(inference: Document, outcome: Document) -> Document:
    document: dict[str, Any] = {
        schema.LOG_LEVEL: _LEVEL,
        schema.EVENT_DATASET: _DATASET,
        schema.SCHEMA: schema.SCHEMA_VERSION,
        schema.OUTCOME_REVISION: revision_of(outcome),
    }
    document |= {name: inference[name] for name in FROM_INFERENCE if name in inference}
    document |= {name: outcome[name] for name in FROM_OUTCOME if name in outcome}
    return document


def _id(evaluation: Document, sign: str) -> str:
    model, inference = evaluation[schema.MODEL_NAME], evaluation[schema.INFERENCE_ID]
    text = f"{model}\0{inference}\0{evaluation[schema.OUTCOME_REVISION]}\0{sign}"
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _judge_number(document: Document) -> None:
    predicted, actual = document.get(schema.PREDICTION_VALUE), document.get(schema.OUTCOME_VALUE)
    if predicted is None or actual is None:
        return
    document[schema.EVALUATION_ERROR] = error = predicted - actual
    document[schema.EVALUATION_LOSS] = abs(error)


def _judge_class(document: Document, task: str, positive: str | None) -> None:
    predicted, actual = document.get(schema.PREDICTION_LABEL), document.get(schema.OUTCOME_LABEL)
    if actual is None:
        return
    if predicted is not None:
        document[schema.EVALUATION_CORRECT] = predicted == actual
    if task == BINARY and positive is not None:
        document[schema.POSITIVE_LABEL] = positive
        _judge_score(document, occurred=actual == positive)
    elif task == MULTICLASS and (known := document.get(schema.PREDICTION_PROBABILITIES)):
        document[schema.EVALUATION_LOSS] = event_log_loss(known.get(actual) or 0.0)


def _judge_score(document: Document, *, occurred: bool) -> None:
    score = document.get(schema.PREDICTION_SCORE)
    if score is None:
        return
    document[schema.EVALUATION_ERROR] = score - 1.0 if occurred else score
    document[schema.EVALUATION_LOSS] = event_log_loss(score if occurred else 1.0 - score)
