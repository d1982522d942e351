"""What the reference says of performance, as metrics: a chart shows it behind the model's own."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from mlmon.analyzers.ask import reference_for
from mlmon.analyzers.models import Model
from mlmon.analyzers.performance import ANALYZER, estimates
from mlmon.analyzers.reference import Reference
from mlmon.core.result import REFERENCE, Metric
from mlmon.core.window import Window


def stated(model: Model, references: Mapping[str, Reference]) -> Iterator[Metric]:
    """The measures of the reference that each version, and all together, are held against; by segment too."""
    for version in ("", *model.versions):
        reference = reference_for(references, version)
        if reference is not None:
            yield from _of(model, version, reference)


def _of(model: Model, version: str, reference: Reference) -> Iterator[Metric]:
    window = reference.window or Window(start=reference.built_at, end=reference.built_at)
    for segment, sums in reference.performance.items():
        for name, subject, estimate in estimates(sums):
            yield Metric(
                analyzer=ANALYZER,
                model=model.name,
                version=version,
                segment=segment,
                subject=subject,
                name=name,
                window=window,
                size=REFERENCE,
                value=estimate.value,
                low=estimate.low,
                high=estimate.high,
                n=estimate.n,
            )
