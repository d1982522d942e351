"""What a cluster's indices are called.

Events go to data streams, `logs-<dataset>-<namespace>`, results to one index a month of the window they speak
of, `<dataset>-<namespace>-<year>.<month>`, and small named values to one index, `mlmon.state-<namespace>`.
"""

from __future__ import annotations

import hashlib
import re
from datetime import UTC, datetime
from typing import Final

from mlmon.core.errors import UsageError
from mlmon.core.schema import EVENTS, Dataset

DEFAULT: Final = "default"
DEAD_LETTERS: Final = "deadletter"
"""What stands in a model's place in the stream of what Logstash refused; its pipelines use the same."""
_NO_WORD: Final = re.compile(r"[^a-z0-9_.]")
_LONGEST_WORD: Final = 80
_NAMESPACE: Final = re.compile(r'[^\sA-Z\\/*?"<>|,#:.+_-][^\sA-Z\\/*?"<>|,#:-]{0,99}')


def checked(namespace: str) -> str:
    """The namespace, where it can be part of an index's name.

    Raises:
        UsageError: it cannot.

    """
    if _NAMESPACE.fullmatch(namespace) is None:
        raise UsageError(
            f"'{namespace}' is no namespace. Give at most 100 small letters, digits, '.' and '_', "
            "without a hyphen, such as 'default' or 'team_a'."
        )
    return namespace


def stream(dataset: Dataset, namespace: str, model: str | None = None) -> str:
    """The data stream that events of a dataset are written to; with a model, that model's own."""
    return f"logs-{dataset}{'' if model is None else f'.{word(model)}'}-{namespace}"


def word(model: str) -> str:
    """A model's name as part of a stream's; where signs are changed a digest keeps it apart from others.

    >>> word("flights")
    'flights'
    >>> word("Fraud-Check")
    'fraud_check_4fde73bd'
    """
    plain = _NO_WORD.sub("_", model.lower())[:_LONGEST_WORD]
    if plain == model:
        return plain
    return f"{plain}_{hashlib.blake2b(model.encode(errors='replace'), digest_size=4).hexdigest()}"


def month_index(dataset: Dataset, namespace: str, moment: datetime) -> str:
    """The index that results of a dataset are written to, by the start of their window."""
    return f"{dataset}-{namespace}-{moment.astimezone(UTC):%Y.%m}"


def pattern(dataset: Dataset, namespace: str) -> str:
    """Where the documents of a dataset are read: also the streams that models have of their own."""
    if dataset in EVENTS:
        return f"{stream(dataset, namespace)},logs-{dataset}.*-{namespace}"
    return f"{dataset}-{namespace}-*"


def state_index(namespace: str) -> str:
    """The index of references, cursors and what else jobs keep."""
    return f"mlmon.state-{namespace}"
