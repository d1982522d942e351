"""The command lines that print in a terminal what the page shows."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime

from mlmon.core.clock import isoformat
from mlmon.core.panel import Scope
from mlmon.core.window import Window


def metrics(to: Scope, names: Sequence[str], *, by: str = "") -> str:
    """Some metrics of a scope, one row a window; by a segment's field where one is named or chosen."""
    field = by or to.segment.partition("=")[0]
    more = ["--window", to.size, *(["--by", field] if field else [])]
    for name in names:
        more += ["--metric", name]
    return _line("metrics", to.model, to.window, to.version, *more)


def evaluations(to: Scope) -> str:
    """The evaluations of a scope, as a file."""
    return _line("export evaluations", to.model, to.window, to.version, "--out", "evaluations.csv")


def findings(model: str, window: Window, version: str = "") -> str:
    """The findings of a model in a time."""
    return _line("findings", model, window, version)


def logs(model: str, window: Window, level: str, search: str) -> str:
    """The log lines of a model in a time, from a level on, that hold some words."""
    more = ["--level", level, *(["--search", search] if search else [])]
    return _line("logs", model, window, "", *more)


def _line(name: str, model: str, window: Window, version: str, *more: str) -> str:
    words = [
        "mlmon",
        *name.split(),
        "--model",
        model,
        "--since",
        _short(window.start),
        "--until",
        _short(window.end),
    ]
    words += ["--version", version] if version else []
    return shlex.join([*words, *more])


def _short(moment: datetime) -> str:
    """A moment without what midnight and whole seconds leave empty.

    >>> from datetime import UTC
    >>> _short(datetime(2013, 3, 1, tzinfo=UTC)), _short(datetime(2013, 3, 1, 12, tzinfo=UTC))
    ('2013-03-01', '2013-03-01T12:00:00Z')
    """
    return isoformat(moment).replace(".000000Z", "Z").replace("T00:00:00Z", "")
