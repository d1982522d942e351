"""What runs inside a model service: it turns predictions and log lines into events and ships them.

Importing it loads the standard library, msgspec and orjson alone; `Formatter` loads python-json-logger, and
`metrics` what writes Prometheus' format, when they are asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from mlmon.logging_sdk.batch import Batch
from mlmon.logging_sdk.context import tracing
from mlmon.logging_sdk.handler import Handler
from mlmon.logging_sdk.inference import Inference
from mlmon.logging_sdk.logger import ModelLogger
from mlmon.logging_sdk.redact import allow_only, drop, keyed_hash, mask, mask_text
from mlmon.logging_sdk.sample import Sample
from mlmon.logging_sdk.stats import Stats

if TYPE_CHECKING:
    from mlmon.logging_sdk.exposed import metrics
    from mlmon.logging_sdk.formatter import Formatter

__all__ = [
    "Batch",
    "Formatter",
    "Handler",
    "Inference",
    "ModelLogger",
    "Sample",
    "Stats",
    "allow_only",
    "drop",
    "keyed_hash",
    "mask",
    "mask_text",
    "metrics",
    "tracing",
]

_LATER: Final = {
    "Formatter": "mlmon.logging_sdk.formatter",
    "metrics": "mlmon.logging_sdk.exposed",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module gives
    if name in _LATER:
        return getattr(import_module(_LATER[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
