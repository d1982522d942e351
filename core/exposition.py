"""Numbers as Prometheus reads them: the text format 0.0.4, and OpenMetrics 1.0 for whoever asks for it.

Formats: https://prometheus.io/docs/instrumenting/exposition_formats and
https://prometheus.io/docs/specs/om/open_metrics_spec.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct


class Form(StrEnum):
    """A format, by the content type that names it."""

    TEXT = "text/plain; version=0.0.4; charset=utf-8"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"


class Kind(StrEnum):
    """Whether a number only grows, or says how it is now."""

    COUNTER = "counter"
    GAUGE = "gauge"


class Sample(Struct, frozen=True, kw_only=True):
    """One number and the labels it is told apart by."""

    labels: Mapping[str, str] = {}
    value: float


class Family(Struct, frozen=True, kw_only=True):
    """Numbers of one name. A counter's `name` is without the `_total` that its lines carry."""

    name: str
    kind: Kind
    about: str
    samples: tuple[Sample, ...] = ()


_TOTAL: Final = "_total"
_NOT_IN_NAMES: Final = re.compile(r"[^a-zA-Z0-9_]+")
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", '"': r"\""})
_HELP_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n"})


def name_of(*words: str) -> str:
    """A metric's name of words, with `_` for whatever a name may not have.

    >>> name_of("mlmon", "collector", "write p99")
    'mlmon_collector_write_p99'
    """
    return _NOT_IN_NAMES.sub("_", "_".join(words))


def form_for(accept: str) -> Form:
    """The format for the `Accept` header of a request.

    >>> form_for("application/openmetrics-text;version=1.0.0,text/plain;q=0.5").name
    'OPENMETRICS'
    >>> form_for("*/*").name
    'TEXT'
    """
    return Form.OPENMETRICS if "application/openmetrics-text" in accept else Form.TEXT


def render(families: Iterable[Family], form: Form = Form.TEXT) -> str:
    """The families as text; one that has no sample is left out.

    Families of one name are told together, and of samples with equal labels only the last is.
    """
    lines = [line for family in _joined(families) for line in _lines(family, form)]
    if form is Form.OPENMETRICS:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines)


def _joined(families: Iterable[Family]) -> Iterator[Family]:
    """Each name once, with each set of labels once: anything else is refused as a whole by who reads it."""
    heads: dict[str, Family] = {}
    samples: dict[str, dict[tuple[tuple[str, str], ...], Sample]] = {}
    for family in families:
        heads.setdefault(family.name, family)
        known = samples.setdefault(family.name, {})
        known.update((tuple(sorted(sample.labels.items())), sample) for sample in family.samples)
    for name, family in heads.items():
        if samples[name]:
            yield Family(
                name=name, kind=family.kind, about=family.about, samples=tuple(samples[name].values())
            )


def _lines(family: Family, form: Form) -> Iterator[str]:
    name = f"{family.name}{_TOTAL}" if family.kind is Kind.COUNTER else family.name
    head = family.name if form is Form.OPENMETRICS else name
    about = family.about.translate(_ESCAPES if form is Form.OPENMETRICS else _HELP_ESCAPES)
    yield f"# HELP {head} {about}"
    yield f"# TYPE {head} {family.kind}"
    for sample in family.samples:
        labels = ",".join(f'{key}="{value.translate(_ESCAPES)}"' for key, value in sample.labels.items())
        yield f"{name}{{{labels}}} {_number(sample.value)}" if labels else f"{name} {_number(sample.value)}"


def _number(value: float) -> str:
    if math.isfinite(value):
        return repr(float(value))
    return "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"
