"""Which models there are: versions, tasks, positive labels, segment fields, learned from what they served.

What is known is kept in a blob and added to from the inferences stored since, by one grouped query.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers import cursor as cursors
from mlmon.analyzers.cursor import Cursor
from mlmon.core import schema
from mlmon.core.config import Config, ExpectConfig, ModelConfig
from mlmon.core.query import GROUP_DATE, Count, Exists, Max, Mean, Min, Query, Row, Terms, TopTerms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Writer
from mlmon.core.window import Window, parse_duration

BINARY: Final = "binary"
MULTICLASS: Final = "multiclass"
REGRESSION: Final = "regression"

MOST_VALUES: Final = 50
"""Values of one segment field that results are computed for, the most frequent ones."""

_BLOB: Final = "state/models"
_TWO_LABELS: Final = 2


class LabelSeen(Struct, frozen=True, kw_only=True):
    """How often a label was predicted, how often with a score, and the sum of those scores."""

    count: int = 0
    scored: int = 0
    score_sum: float = 0.0


class Model(Struct, frozen=True, kw_only=True):
    """What is known of one model.

    `positive_label` is the configured one, else the one its events name, else the label whose predictions
    score highest; None where nothing tells. `segments` are the fields that results are computed for, each
    with its most frequent values. `drift_against` names what drift is measured from (`baseline.KINDS`).
    `expect` is what the settings declare of each feature, `fresh` how old the newest inference may be.
    """

    name: str
    task: str = ""
    positive_label: str | None = None
    versions: tuple[str, ...] = ()
    segments: dict[str, tuple[str, ...]] = {}
    labels: tuple[str, ...] = ()
    inferences: int = 0
    first: datetime | None = None
    last: datetime | None = None
    drift_against: str = "fixed"
    expect: dict[str, ExpectConfig] = {}
    fresh: timedelta | None = None

    @property
    def served(self) -> Window | None:
        """The time from its first inference to its last, which lies within; None where it has none."""
        if self.first is None or self.last is None:
            return None
        return Window(start=self.first, end=self.last + GROUP_DATE)


class Seen(Struct, frozen=True, kw_only=True):
    """Everything counted of one model so far; two of them add up."""

    versions: dict[str, int] = {}
    tasks: dict[str, int] = {}
    positives: dict[str, int] = {}
    labels: dict[str, LabelSeen] = {}
    values: int = 0
    segments: dict[str, dict[str, int]] = {}
    inferences: int = 0
    first: datetime | None = None
    last: datetime | None = None


class Catalogue(Struct, frozen=True, kw_only=True):
    """Everything counted of all models.

    `models` was counted up to the cursor, `recent` from there on, and that is counted anew the next time.
    """

    cursor: Cursor = Cursor()
    models: dict[str, Seen] = {}
    recent: dict[str, Seen] = {}


def catalogue(reader: Reader) -> Catalogue:
    """What is known, brought up to date; nothing is written."""
    blob = reader.read_blob(_BLOB)
    known = Catalogue() if blob is None else msgspec.json.decode(blob, type=Catalogue)
    # A count that is off by the batch being written does no harm here, so the last moment is not read twice.
    fresh = cursors.news(reader, Dataset.INFERENCE, known.cursor)
    if fresh is None:
        return known
    if not reader.settling:
        return Catalogue(cursor=fresh.cursor, models=_together(known.models, _seen(reader, fresh.window)))
    # What may yet get company is counted, and not remembered: else it would be counted twice.
    start, end = fresh.window.start, fresh.window.end
    middle = max(start, end - reader.settling)
    cursor, models = known.cursor, known.models
    if start < middle:
        cursor = cursors.at(reader, Dataset.INFERENCE, middle - cursors.RESOLUTION)
        models = _together(models, _seen(reader, Window(start=start, end=middle)))
    return Catalogue(cursor=cursor, models=models, recent=_seen(reader, Window(start=middle, end=end)))


def _together(left: dict[str, Seen], right: dict[str, Seen]) -> dict[str, Seen]:
    names = sorted(left.keys() | right.keys())
    return {name: _merged(left.get(name, Seen()), right.get(name, Seen())) for name in names}


def remember(writer: Writer, known: Catalogue) -> None:
    """Keep what is known for the next time."""
    writer.write_blob(_BLOB, msgspec.json.encode(known))


def models(reader: Reader, config: Config | None = None) -> list[Model]:
    """Every model that has served an inference, by name."""
    return described(catalogue(reader), config or Config())


def described(known: Catalogue, config: Config) -> list[Model]:
    """The models of a catalogue as the configuration sees them, by name."""
    return [
        _described(name, seen, config.models.get(name, ModelConfig()))
        for name, seen in _together(known.models, known.recent).items()
    ]


def _described(name: str, seen: Seen, config: ModelConfig) -> Model:
    fields = config.segments if config.segments is not None else tuple(sorted(seen.segments))
    return Model(
        name=name,
        task=_task(seen),
        positive_label=config.positive_label
        or _most_frequent(seen.positives)
        or _highest_scored(seen.labels),
        versions=tuple(sorted(version for version in seen.versions if version)),
        segments={field: _top(seen.segments.get(field, {})) for field in fields},
        labels=tuple(sorted(seen.labels)),
        inferences=seen.inferences,
        first=seen.first,
        last=seen.last,
        drift_against=config.drift_against,
        expect=config.expect,
        fresh=parse_duration(config.fresh) if config.fresh else None,
    )


def _task(seen: Seen) -> str:
    """The task that events name, else the one their predictions look like; empty where none was made."""
    named = _most_frequent(seen.tasks)
    if named is not None:
        return named
    if not seen.labels:
        return REGRESSION if seen.values else ""
    return BINARY if len(seen.labels) <= _TWO_LABELS else MULTICLASS


def _highest_scored(labels: dict[str, LabelSeen]) -> str | None:
    """The label whose predictions have the highest mean score: a score is that of the positive class.

    A single label decides only where its mean is at least one half: predictions of "no" alone score low.
    """
    means = {label: seen.score_sum / seen.scored for label, seen in labels.items() if seen.scored}
    if not means:
        return None
    best = max(sorted(means), key=means.__getitem__)
    return best if len(means) > 1 or means[best] >= 1 / _TWO_LABELS else None


def _most_frequent(counts: dict[str, int]) -> str | None:
    return max(sorted(counts), key=counts.__getitem__) if counts else None


def _top(values: dict[str, int]) -> tuple[str, ...]:
    ranked = sorted(values, key=lambda value: (-values[value], value))
    return tuple(sorted(ranked[:MOST_VALUES]))


def _seen(reader: Reader, window: Window) -> dict[str, Seen]:
    rows = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            window=window,
            time=schema.EVENT_INGESTED,
            by={
                "model": Terms(schema.MODEL_NAME),
                "version": Terms(schema.MODEL_VERSION),
                "task": Terms(schema.TASK),
                "positive": Terms(schema.POSITIVE_LABEL),
                "label": Terms(schema.PREDICTION_LABEL),
            },
            measures={
                "n": Count(),
                "score": Mean(schema.PREDICTION_SCORE),
                "scored": Count(where=Exists(schema.PREDICTION_SCORE)),
                "values": Count(where=Exists(schema.PREDICTION_VALUE)),
                "first": Min(schema.TIMESTAMP),
                "last": Max(schema.TIMESTAMP),
            },
        )
    )
    seen: dict[str, Seen] = {}
    for row in rows:
        seen[row["model"]] = _merged(seen.get(row["model"], Seen()), _of_row(row))
    for model, segments in _segments(reader, window).items():
        seen[model] = replace(seen[model], segments=segments)
    return seen


def _of_row(row: Row) -> Seen:
    n: int = row["n"]
    scored = LabelSeen(count=n, scored=row["scored"], score_sum=(row["score"] or 0.0) * row["scored"])
    return Seen(
        versions={row["version"] or "": n},
        tasks={row["task"]: n} if row["task"] else {},
        positives={row["positive"]: n} if row["positive"] else {},
        labels={row["label"]: scored} if row["label"] is not None else {},
        values=row["values"],
        inferences=n,
        first=row["first"],
        last=row["last"],
    )


def _segments(reader: Reader, window: Window) -> dict[str, dict[str, dict[str, int]]]:
    fields = reader.members(Dataset.INFERENCE, schema.SEGMENT)
    if not fields:
        return {}
    measures = {
        f"f{place}": TopTerms(schema.member(schema.SEGMENT, field), 2 * MOST_VALUES)
        for place, field in enumerate(fields)
    }
    rows = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            window=window,
            time=schema.EVENT_INGESTED,
            by={"model": Terms(schema.MODEL_NAME)},
            measures=dict(measures),
        )
    )
    return {row["model"]: dict(_segments_of(row, fields)) for row in rows}


def _segments_of(row: Row, fields: Iterable[str]) -> Iterable[tuple[str, dict[str, int]]]:
    for place, field in enumerate(fields):
        values: dict[str, int] = dict(row[f"f{place}"] or ())
        if values:
            yield field, values


def _merged(left: Seen, right: Seen) -> Seen:
    return Seen(
        versions=_added(left.versions, right.versions),
        tasks=_added(left.tasks, right.tasks),
        positives=_added(left.positives, right.positives),
        labels={
            label: _label(left.labels.get(label, LabelSeen()), right.labels.get(label, LabelSeen()))
            for label in left.labels | right.labels
        },
        values=left.values + right.values,
        segments={
            field: _added(left.segments.get(field, {}), right.segments.get(field, {}))
            for field in left.segments | right.segments
        },
        inferences=left.inferences + right.inferences,
        first=min(filter(None, (left.first, right.first)), default=None),
        last=max(filter(None, (left.last, right.last)), default=None),
    )


def _label(left: LabelSeen, right: LabelSeen) -> LabelSeen:
    return LabelSeen(
        count=left.count + right.count,
        scored=left.scored + right.scored,
        score_sum=left.score_sum + right.score_sum,
    )


def _added(left: dict[str, int], right: dict[str, int]) -> dict[str, int]:
    merged: dict[str, Any] = dict(left)
    for name, count in right.items():
        merged[name] = merged.get(name, 0) + count
    return merged
