"""What a person should know after the demo, read from the store alone: when, which features, which carriers.

Nothing here computes a statistic. It reads the metrics and findings that the analyzers wrote, as a dashboard
would, and puts them in order.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rich.console import Console
from rich.table import Table

from mlmon.alerts.rules import ANALYZER as RULE
from mlmon.core import result, schema
from mlmon.core.query import AllOf, Equals, Filter, Scan
from mlmon.core.result import Finding, Metric, State
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

LOSS: Final = "log_loss"
SCORE: Final = "prediction.score"
QUALITY: Final = "quality"
_MOST_ROWS: Final = 8
_MOST_LETTERS: Final = 48
_SPARK: Final = " ▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """The calendar months of one model, all versions together: metrics by segment, and what is firing."""

    metrics: tuple[Metric, ...]
    findings: tuple[Finding, ...]

    def of(self, name: str, *, subject: str = "") -> dict[datetime, Metric]:
        """One metric of all flights by the start of its month."""
        return {
            each.window.start: each
            for each in self.metrics
            if (each.name, each.subject, each.segment) == (name, subject, "")
        }

    def worse(self, name: str) -> dict[tuple[str, datetime], Finding]:
        """The findings of one metric by segment and month."""
        return {
            (each.segment, each.window.start): each
            for each in self.findings
            if each.metric == name and not each.subject
        }


def read(reader: Reader, model: str) -> Story:
    """Fetch what was written of the model's calendar months."""
    where = (
        Equals(schema.MODEL_NAME, model),
        Equals(schema.WINDOW_SIZE, "month"),
        Equals(schema.MODEL_VERSION, ""),
    )
    firing = (*where, Equals(schema.FINDING_STATE, str(State.FIRING)))
    return Story(
        metrics=tuple(
            each for each in _results(reader, Dataset.METRIC, AllOf(where)) if isinstance(each, Metric)
        ),
        findings=tuple(
            each
            for each in _results(reader, Dataset.FINDING, AllOf(firing))
            if isinstance(each, Finding) and not each.analyzer.startswith(f"{RULE}:")
        ),
    )


def _results(reader: Reader, dataset: Dataset, where: Filter) -> Iterator[result.Result]:
    for batch in reader.scan(Scan(dataset=dataset, where=where)):
        yield from map(result.from_document, batch)


def tell(story: Story, console: Console) -> None:
    """Print the months, the features and the carriers, and what they come to."""
    for part in (_months(story), _features(story), _quality(story), _carriers(story), _in_short(story)):
        console.print()
        console.print(part)


def _table(title: str, columns: Iterable[str]) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place == 0 else "right", no_wrap=True)
    return table


def _months(story: Story) -> Table:
    """A row a month; the interval is shown as half its width."""
    table = _table(
        "Which months got worse?",
        ("month", "flights", "late", "log loss", "ROC AUC", "score PSI", "to Jan-Feb"),
    )
    worse, shift = story.worse(LOSS), story.of("psi", subject=SCORE)
    flights, late, auc = story.of("inferences"), story.of("prevalence"), story.of("roc_auc")
    for start, loss in sorted(story.of(LOSS).items()):
        found = worse.get(("", start))
        table.add_row(
            f"{start:%b %y}",
            _number(flights.get(start), ",.0f"),
            _number(late.get(start), ".1%"),
            _estimate(loss),
            _estimate(auc.get(start)),
            _number(shift.get(start), ".2f"),
            _much(found) if found else "",
            style="bold" if found else None,
        )
    return table


def _number(metric: Metric | None, form: str) -> str:
    return "" if metric is None or metric.value is None else f"{metric.value:{form}}"


def _estimate(metric: Metric | Finding | None) -> str:
    if metric is None or metric.value is None:
        return ""
    if metric.low is None or metric.high is None:
        return f"{metric.value:.3f}"
    return f"{metric.value:.3f} ±{(metric.high - metric.low) / 2:.3f}"


def _much(found: Finding) -> str:
    return f"{found.evidence['worse']:.0%} worse"


def _features(story: Story) -> Table:
    """A row a feature, by its largest PSI; a bar a month."""
    table = _table("Which features drifted?", ("feature", "Mar to Dec", "largest PSI", "in", "months"))
    psi: dict[str, dict[datetime, float]] = defaultdict(dict)
    for each in story.metrics:
        if each.name == "psi" and not each.segment and each.value is not None and each.subject != SCORE:
            psi[each.subject][each.window.start] = each.value
    firing = Counter(found.subject for found in story.findings if found.metric == "psi")
    ranked = sorted(psi.items(), key=lambda item: -max(item[1].values()))
    for subject, by_month in ranked[:_MOST_ROWS]:
        largest = max(by_month, key=by_month.__getitem__)
        table.add_row(
            subject, _spark(by_month), f"{by_month[largest]:.2f}", f"{largest:%b}", str(firing[subject])
        )
    return table


def _spark(by_month: Mapping[datetime, float]) -> str:
    top = max(by_month.values()) or 1.0
    return "".join(_SPARK[round(by_month[start] / top * (len(_SPARK) - 1))] for start in sorted(by_month))


def _quality(story: Story) -> Table:
    """A row a feature and rule that it broke in some month, with the month in which most values did."""
    table = _table("Which inputs were not as expected?", ("feature", "months", "worst in", "what was found"))
    table.columns[-1].justify = "left"
    broken: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in story.findings:
        if each.analyzer == QUALITY and each.subject and not each.segment:
            broken[each.subject, each.metric].append(each)
    ranked = sorted(broken.items(), key=lambda item: (-len(item[1]), item[0]))
    for (subject, _), found in ranked[:_MOST_ROWS]:
        worst = max(found, key=lambda each: each.value or 0.0)
        what = worst.message.removeprefix(f"{subject}: ")
        shown = what if len(what) <= _MOST_LETTERS else f"{what[: _MOST_LETTERS - 4]} ..."
        table.add_row(subject, str(len(found)), f"{worst.window.start:%b}", shown)
    return table


def _carriers(story: Story) -> Table:
    """A row a carrier with a month in which it was worse than its own reference."""
    table = _table(
        "Which carriers got worse?",
        ("carrier", "months", "worst", "log loss then", "reference", "flights", "to Jan-Feb"),
    )
    by_carrier = _worse_carriers(story)
    ranked = sorted(by_carrier.items(), key=lambda item: (-len(item[1]), item[0]))
    for carrier, found in ranked[:_MOST_ROWS]:
        worst = max(found, key=lambda each: each.evidence["worse"])
        table.add_row(
            carrier,
            str(len(found)),
            f"{worst.window.start:%b}",
            _estimate(worst),
            f"{worst.evidence['reference']['value']:.3f}",
            f"{worst.n:,.0f}",
            _much(worst),
        )
    return table


def _worse_carriers(story: Story) -> dict[str, list[Finding]]:
    by_carrier: dict[str, list[Finding]] = defaultdict(list)
    for (segment, _), found in story.worse(LOSS).items():
        field, _, value = segment.partition("=")
        if field == "carrier":
            by_carrier[value].append(found)
    return by_carrier


def _in_short(story: Story) -> str:
    """The three answers in words, and how sure they are."""
    months = [found for (segment, _), found in sorted(story.worse(LOSS).items()) if not segment]
    carriers = _worse_carriers(story)
    named = ", ".join(f"{found.window.start:%b} ({_much(found)})" for found in months) or "no month"
    return (
        f"In short: the model got worse in {named}, and on {len(carriers)} carriers in some month. ± is half "
        "a 95 % interval. Worse means: log loss at least 5 % above that of unseen flights of January and "
        "February, with p < 0.01 after correction for all that was compared in that month. Weather drifts "
        "with the seasons, and two winter months cannot know them. Where the score's own PSI stays small, "
        "only outcomes could show the loss."
    )
