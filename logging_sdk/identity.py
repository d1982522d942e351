"""Who logs: the fields that are the same for every event of a logger."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from mlmon.core import schema
from mlmon.core.event import Document
from mlmon.core.schema import Dataset

SERVICE_VARIABLE: Final = "MLMON_LOG_SERVICE"
ENVIRONMENT_VARIABLE: Final = "MLMON_LOG_ENVIRONMENT"


class Identity(Struct, frozen=True, kw_only=True):
    """A model and the service that serves it; what is None is left out of the events."""

    model: str
    version: str | None = None
    run_id: str | None = None
    task: str | None = None
    positive_label: str | None = None
    threshold: float | None = None
    service: str | None = None
    service_version: str | None = None
    environment: str | None = None
    endpoint: str | None = None
    variant: str | None = None
    namespace: str | None = None


def default_service() -> str:
    """The service by `MLMON_LOG_SERVICE` or `OTEL_SERVICE_NAME`, else the name of the script."""
    named = os.environ.get(SERVICE_VARIABLE) or os.environ.get("OTEL_SERVICE_NAME")
    script = Path(getattr(sys, "argv", [""])[0] or "python")
    return named or (script.parent.name if script.name == "__main__.py" else script.stem) or "python"


def default_environment() -> str | None:
    """The environment by `MLMON_LOG_ENVIRONMENT`, else none."""
    return os.environ.get(ENVIRONMENT_VARIABLE)


def static_fields(identity: Identity, dataset: Dataset, producer_id: str) -> Document:
    """What every event of a dataset carries, in this process."""
    values: dict[str, Any] = {
        schema.ECS_VERSION: schema.ECS_VERSION_WRITTEN,
        schema.SCHEMA: schema.SCHEMA_VERSION,
        schema.EVENT_KIND: "event",
        schema.EVENT_DATASET: str(dataset),
        schema.SERVICE_NAME: identity.service,
        schema.SERVICE_VERSION: identity.service_version,
        schema.SERVICE_ENVIRONMENT: identity.environment,
        schema.HOST_NAME: socket.gethostname(),
        schema.PROCESS_PID: os.getpid(),
        schema.NAMESPACE: identity.namespace,
        schema.PRODUCER_ID: producer_id,
        schema.MODEL_NAME: identity.model or None,
        schema.MODEL_VERSION: identity.version,
        schema.MODEL_RUN_ID: identity.run_id,
        schema.ENDPOINT: identity.endpoint,
        schema.VARIANT: identity.variant,
        schema.TASK: identity.task,
        schema.POSITIVE_LABEL: identity.positive_label,
        schema.PREDICTION_THRESHOLD: identity.threshold,
    }
    allowed = {field.name for field in schema.fields_of(dataset)}
    return {name: value for name, value in values.items() if value is not None and name in allowed}
