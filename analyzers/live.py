"""The numbers of any span, size and cut, computed when asked for, by the analyzers that the jobs run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from mlmon.analyzers import reference as references
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL
from mlmon.analyzers.jobs import declared, maturity_of
from mlmon.analyzers.models import Model
from mlmon.analyzers.policy import of_settings
from mlmon.analyzers.registry import ANALYZERS
from mlmon.core.config import Config
from mlmon.core.errors import UsageError, nearest
from mlmon.core.result import Finding, Metric, Result
from mlmon.core.store import Reader
from mlmon.core.window import SIZES, Window, widen

VERSION = "version"


def metrics(  # noqa: PLR0913 - what a person may choose
    reader: Reader,
    model: Model,
    span: Window,
    *,
    size: str = "1d",
    by: tuple[str, ...] = (),
    version: str = "",
    now: datetime,
    config: Config | None = None,
    analyzers: tuple[str, ...] = (),
) -> Iterator[Metric]:
    """The metrics of every window that touches the span, one analyzer after the other.

    `by` holds `version` and segment fields; the whole traffic is always there. `analyzers` narrows to some.

    Raises:
        UsageError: a size, field or analyzer there is none of.

    """
    for result in _answers(
        reader, model, span, size=size, by=by, version=version, now=now, config=config, analyzers=analyzers
    ):
        if isinstance(result, Metric):
            yield result


def findings(
    reader: Reader,
    model: Model,
    span: Window,
    *,
    size: str = "1d",
    by: tuple[str, ...] = (),
    now: datetime,
    config: Config | None = None,
) -> Iterator[Finding]:
    """The findings of the same questions, without what is stored.

    Raises:
        UsageError: as for `metrics`.

    """
    for result in _answers(
        reader, model, span, size=size, by=by, version="", now=now, config=config, analyzers=()
    ):
        if isinstance(result, Finding):
            yield result


def _answers(  # noqa: PLR0913 - as above
    reader: Reader,
    model: Model,
    span: Window,
    *,
    size: str,
    by: tuple[str, ...],
    version: str,
    now: datetime,
    config: Config | None,
    analyzers: tuple[str, ...],
) -> Iterator[Result]:
    _check(model, size, by, analyzers)
    ask = Ask(
        model=model,
        span=span if size == ALL else widen(span, size),
        size=size,
        now=now,
        maturity=maturity_of(config or Config(), model.name),
        version=version,
        by_version=VERSION in by,
        by_segment=tuple(field for field in by if field != VERSION),
        references=references.load_all(reader, model.name),
        policy=of_settings(config or Config()),
        occasions=declared(config or Config(), model.name, span),
    )
    for analyzer in ANALYZERS:
        # Those that read stored results state no metrics, and what they find is stored.
        if analyzer.name in analyzers or not (analyzers or analyzer.reads_results):
            for question in analyzer.questions:
                yield from question(reader, ask)


def _check(model: Model, size: str, by: tuple[str, ...], analyzers: tuple[str, ...]) -> None:
    if size not in SIZES:
        raise UsageError(f"'{size}' is no window size. Choose one of {', '.join(SIZES)}.")
    fields = (VERSION, *model.segments)
    for field in by:
        if field not in fields:
            raise UsageError(
                f"{model.name} has no segment field '{field}'. Choose of {', '.join(fields)}."
                f"{nearest(field, fields)}"
            )
    names = [analyzer.name for analyzer in ANALYZERS]
    for name in analyzers:
        if name not in names:
            raise UsageError(f"'{name}' is no analyzer. Choose of {', '.join(names)}.{nearest(name, names)}")
