"""One pass over what is new: join the outcomes, find the windows that changed, state them again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import islice
from threading import Event as Signal
from typing import Final

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from mlmon.analyzers import accounting, concept, usual
from mlmon.analyzers import cursor as cursors
from mlmon.analyzers import reference as references
from mlmon.analyzers.accounting import CountLetters
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.cells import ALL
from mlmon.analyzers.cursor import News
from mlmon.analyzers.ledger import Letters
from mlmon.analyzers.models import Model, catalogue, described, remember
from mlmon.analyzers.outcomes import Progress, join
from mlmon.analyzers.partition import Partition, Share
from mlmon.analyzers.pending import Tally
from mlmon.analyzers.policy import Policy, of_settings
from mlmon.analyzers.registry import ANALYZERS, Registered
from mlmon.analyzers.touched import HOUR, changed_hours, extended, matured, spans
from mlmon.core import clock as clocks
from mlmon.core import schema
from mlmon.core.clock import NS_PER_SECOND, Clock
from mlmon.core.config import Config, ModelConfig
from mlmon.core.occasions import Occasion, occasions
from mlmon.core.query import AllOf, Count, Equals, Query, Scan
from mlmon.core.result import Finding, Metric, Result, State, from_document, identity
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window, floor, parse_duration, windows

BATCH: Final = 5_000
_WATCHED: Final = (Dataset.INFERENCE, Dataset.EVALUATION)
_STATE: Final = "state/analysis"
_LOOK_BACK: Final = timedelta(days=500)
_NOT_BY_SEGMENT: Final = frozenset({HOUR})
"""Sizes without results by segment: hours times segments would be most of all results, and rest on little.
They are computed when asked for."""


class Pass(Struct, kw_only=True):
    """What a pass did. `seconds` is the time spent by stage, `notes` say what it could not do."""

    outcomes: Tally = field(default_factory=Tally)
    inferences: int = 0
    models: int = 0
    windows: int = 0
    metrics: int = 0
    findings: int = 0
    resolved: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


class _Remembered(Struct, kw_only=True):
    """When the last pass was, which references it used, and the newest windows that analyzers have looked at.

    The latter only of analyzers that look once, by analyzer, size and model. `expected` is what the settings
    declared of each model's features, as text; where they declare nothing, it is not there.
    """

    now: datetime | None = None
    references: dict[str, datetime] = {}
    looked: dict[str, datetime] = {}
    expected: dict[str, str] = {}


class _Stopwatch(Struct, kw_only=True):
    clock: Clock
    seconds: dict[str, float]
    started: int = 0

    def lap(self, stage: str) -> None:
        """Book the time since the last lap to a stage."""
        now = self.clock()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + (now - self.started) / NS_PER_SECOND
        self.started = now


class _Work(Struct, kw_only=True):
    """What one pass knows."""

    store: Store
    config: Config
    policy: Policy
    now: datetime
    again: Window | None
    before: _Remembered
    after: _Remembered
    done: Pass
    watch: _Stopwatch
    has_findings: bool


def run_once(
    store: Store,
    config: Config | None = None,
    *,
    clock: Clock = clocks.system,
    progress: Progress | None = None,
    policy: Policy | None = None,
    again: Window | None = None,
    letters: CountLetters = Letters,
    partition: Partition | None = None,
) -> Pass:
    """Join what is new, state every window that changed, and account for every event.

    `again` names a span to state whatever changed; `letters` counts the dead letters; `partition` narrows to
    the models of one part, the first of which also keeps what is of all models. Stopping anywhere does no
    harm: cursors move last, and what is written twice replaces itself. Two of these on one store exclude
    each other by the store's lock.

    Raises:
        StoreError: the store failed; the next pass begins where this one did.

    """
    config = config or Config()
    policy = policy or of_settings(config)
    now = clocks.to_datetime(clock())
    done = Pass()
    watch = _Stopwatch(clock=clock, seconds=done.seconds, started=clock())
    whole = store
    store = whole if partition is None else Share(whole, partition)
    known = catalogue(store)
    models = {model.name: model for model in described(known, config)}
    watch.lap("models")
    wait = parse_duration(config.analyze.orphan_wait)
    done.outcomes = join(store, models, now=now, orphan_wait=wait, progress=progress)
    watch.lap("join")
    fresh = _news(store)
    hours = changed_hours(store, fresh)
    before, after = _remembered(store), _Remembered(now=now)
    after.looked |= before.looked
    watch.lap("changes")
    work = _Work(
        store=store, config=config, policy=policy, now=now, again=again,
        before=before, after=after, done=done, watch=watch, has_findings=_has_findings(store),
    )  # fmt: skip
    for place, model in enumerate(models.values()):
        _state(work, model, hours.get(model.name, set()))
        _watch_errors(work, model)
        if progress is not None:
            progress("analyze", place + 1, len(models))
    done.models = len(models)
    done.inferences = fresh[Dataset.INFERENCE].count if Dataset.INFERENCE in fresh else 0
    _finish(store, fresh, after)
    remember(store, known)
    watch.lap("finish")
    if partition is not None and partition.is_first:
        remember(whole, catalogue(whole))
    if partition is None or partition.is_first:
        _account(whole, work, letters)
    watch.lap("delivery")
    return done


def run_forever(
    store: Store,
    config: Config | None = None,
    *,
    every: timedelta,
    stop: Signal,
    clock: Clock = clocks.system,
    letters: CountLetters = Letters,
    partition: Partition | None = None,
) -> Iterator[Pass]:
    """A pass now and then one every so often, each yielded, until `stop` is set.

    A pass that takes longer than `every` is followed by the next at once; passes never overlap.
    """
    while not stop.is_set():
        started = clock()
        yield run_once(store, config, clock=clock, letters=letters, partition=partition)
        spent = (clock() - started) / NS_PER_SECOND
        stop.wait(max(every.total_seconds() - spent, 0.0))


def _watch_errors(work: _Work, model: Model) -> None:
    """Let the detectors of concept drift read the errors that have become final."""
    told = concept.keep(
        work.store,
        model,
        detector=work.config.models.get(model.name, ModelConfig()).concept_drift,
        policy=work.policy,
        now=work.now,
        maturity=maturity_of(work.config, model.name),
    )
    firing = sum(finding.state is State.FIRING for finding in told.findings)
    work.done.findings += firing
    work.done.resolved += len(told.findings) - firing
    if told.note and told.note not in work.done.notes:
        work.done.notes.append(told.note)
    work.watch.lap(concept.ANALYZER)


def _account(store: Store, work: _Work, letters: CountLetters) -> None:
    for result in accounting.keep(store, work.config, letters, now=work.now):
        if isinstance(result, Metric):
            work.done.metrics += 1
        elif result.state is State.FIRING:
            work.done.findings += 1
        else:
            work.done.resolved += 1


def _news(reader: Reader) -> dict[Dataset, News]:
    found = {}
    for dataset in _WATCHED:
        fresh = cursors.news(reader, dataset, cursors.load(reader, cursor_name(dataset)))
        if fresh is not None:
            found[dataset] = fresh
    return found


def cursor_name(dataset: Dataset) -> str:
    """Where the cursor on a dataset is kept."""
    return f"analyze/{dataset}"


def _remembered(reader: Reader) -> _Remembered:
    blob = reader.read_blob(_STATE)
    return _Remembered() if blob is None else msgspec.json.decode(blob, type=_Remembered)


def _finish(store: Store, fresh: Mapping[Dataset, News], after: _Remembered) -> None:
    for dataset, news in fresh.items():
        cursors.save(store, cursor_name(dataset), news.cursor)
    store.write_blob(_STATE, msgspec.json.encode(after))


def _state(work: _Work, model: Model, hours: set[datetime]) -> None:
    """State the windows of a model that have changed, in every configured size."""
    profiles = references.load_all(work.store, model.name)
    names = {references.blob_name(model.name, version): one.built_at for version, one in profiles.items()}
    work.after.references |= names
    is_new = any(work.before.references.get(name) != built for name, built in names.items())
    if is_new:
        work.store.put(list(usual.stated(model, profiles)))
    if model.expect:
        work.after.expected[model.name] = msgspec.json.encode(model.expect, order="sorted").decode()
    is_told = work.before.expected.get(model.name) != work.after.expected.get(model.name)
    again = model.served if is_new or is_told else work.again
    changed = _changed(model, hours, now=work.now, again=again)
    maturity = maturity_of(work.config, model.name)
    for size in work.config.analyze.windows:
        starts = changed | _matured(model, size, since=work.before.now, now=work.now, maturity=maturity)
        for span in spans(starts, size):
            ask = Ask(
                model=model,
                span=span,
                size=size,
                now=work.now,
                maturity=maturity,
                by_version=len(model.versions) > 1,
                by_segment=() if size in _NOT_BY_SEGMENT else tuple(model.segments),
                references=profiles,
                policy=work.policy,
                occasions=declared(work.config, model.name, span),
            )
            work.done.windows += sum(1 for _ in windows(span, size))
            for analyzer in ANALYZERS:
                _restate(work, analyzer, ask)
                work.watch.lap(f"{analyzer.name} {size}")


def maturity_of(config: Config, model: str) -> timedelta:
    """How long outcomes of a model may take."""
    return parse_duration(config.models.get(model, ModelConfig()).maturity or config.analyze.maturity)


def declared(config: Config, model: str, span: Window) -> tuple[Occasion, ...]:
    """The events declared for a model in a span and in what analyzers look back at for it."""
    return occasions(config.events, model, Window(start=span.start - _LOOK_BACK, end=span.end))


def _changed(model: Model, hours: set[datetime], *, now: datetime, again: Window | None) -> set[datetime]:
    """The hours to state again: changed ones, those asked for, and the present one of a live model."""
    changed = set(hours)
    whole = model.served
    if again is not None and whole is not None:
        start, end = max(again.start, whole.start), min(again.end, whole.end)
        if start < end:
            changed |= {window.start for window in windows(Window(start=start, end=end), HOUR)}
    lately = timedelta(days=2) + (model.fresh or timedelta(0))
    if model.last is not None and now - lately < model.last <= now:
        changed.add(floor(now, HOUR))
    return changed


def _matured(
    model: Model, size: str, *, since: datetime | None, now: datetime, maturity: timedelta
) -> set[datetime]:
    whole = model.served
    if since is None or whole is None or since >= now:
        return set()
    since = max(since, whole.start)
    now = min(now, whole.end + maturity + timedelta(days=32))
    if since >= now:
        return set()
    return set(matured(size, since=since, now=now, maturity=maturity))


def _restate(work: _Work, analyzer: Registered, ask: Ask) -> None:
    """Write what an analyzer says of a span, and resolve its findings there that it no longer makes."""
    store, done = work.store, work.done
    if analyzer.once and not _is_newer(work, analyzer, ask):
        return
    ask = replace(ask, span=extended(ask.span, ask.size, analyzer.reach(ask), back=analyzer.back))
    firing: set[str] = set()
    results = (result for question in analyzer.questions for result in question(store, ask))
    for batch in _batches(results):
        for result in batch:
            if isinstance(result, Finding):
                firing.add(identity(result))
        metrics = sum(1 for result in batch if isinstance(result, Metric))
        done.metrics += metrics
        done.findings += len(batch) - metrics
        store.put(batch)
    standing = _firing(store, analyzer.name, ask) if work.has_findings else []
    resolved = [finding for finding in standing if identity(finding) not in firing]
    if resolved:
        store.put([replace(finding, state=State.RESOLVED) for finding in resolved])
    done.resolved += len(resolved)


def _is_newer(work: _Work, analyzer: Registered, ask: Ask) -> bool:
    """Whether there is a whole window that the analyzer has not looked at; it is taken as looked at."""
    if ask.size == ALL:
        return False
    key = f"{analyzer.name}/{ask.size}/{ask.model.name}"
    newest, last = floor(min(ask.span.end, ask.now), ask.size), work.after.looked.get(key)
    if work.again is None and (newest <= ask.span.start or (last is not None and newest <= last)):
        return False
    work.after.looked[key] = newest if last is None else max(newest, last)
    return True


def _has_findings(reader: Reader) -> bool:
    """Whether there is any finding that could have to be resolved; the first pass need not look for them."""
    return bool(reader.query(Query(dataset=Dataset.FINDING, measures={"n": Count()})).rows[0]["n"])


def _batches(results: Iterable[Result]) -> Iterator[list[Result]]:
    results = iter(results)
    while batch := list(islice(results, BATCH)):
        yield batch


def _firing(reader: Reader, analyzer: str, ask: Ask) -> list[Finding]:
    scan = Scan(
        dataset=Dataset.FINDING,
        window=ask.span,
        where=AllOf(
            (
                Equals(schema.MODEL_NAME, ask.model.name),
                Equals(schema.RESULT_ANALYZER, analyzer),
                Equals(schema.WINDOW_SIZE, ask.size),
                Equals(schema.FINDING_STATE, str(State.FIRING)),
            )
        ),
    )
    found = [from_document(document) for documents in reader.scan(scan) for document in documents]
    return [result for result in found if isinstance(result, Finding)]
