"""Loading a file of outcomes, into a store or through a collector."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, Protocol

from msgspec import Struct

from mlmon.cli import outcomes, rows, ship, wiring, wiring_collect
from mlmon.cli.models import one_model
from mlmon.cli.options import Asked
from mlmon.cli.progress import Advance
from mlmon.core import schema
from mlmon.core.config import Config
from mlmon.core.errors import InvalidEventError, StoreLockedError, UsageError
from mlmon.core.event import Event
from mlmon.core.query import AllOf, Distinct, Equals, OneOf, Query, Scan
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader, Written

_BATCH: Final = 5_000
_CHECKED: Final = 100_000
_PROBLEMS: Final = 1_000


class Plan(Struct, frozen=True, kw_only=True):
    """A file, what its columns are, and where its outcomes go: to a collector if `ship` is its address."""

    path: str
    model: str
    columns: outcomes.Columns
    revision: int
    ship: str | None


class Loaded(Struct, kw_only=True):
    """What became of a file. `matched` of the first `checked` ids are those of an inference."""

    read: int = 0
    stored: int = 0
    duplicates: int = 0
    bad: int = 0
    problems: list[tuple[int, str]] = []
    checked: int = 0
    matched: int = 0
    sample_file: str | None = None
    sample_stored: str | None = None


class Target(Protocol):
    """Where outcomes go."""

    def write(self, events: Sequence[Event]) -> Written:
        """Keep events; they are durable when this returns."""

    def refuse(self, refused: Sequence[tuple[bytes, InvalidEventError]]) -> None:
        """Keep rows that are no outcomes, with the reasons, where there is a place for them."""


def plan(  # noqa: PLR0913 - what a person may name
    path: str,
    config: Config,
    asked: Asked,
    *,
    id_column: str | None,
    label_column: str | None,
    value_column: str | None,
    observed_at_column: str | None,
    revision: int,
    ship: str | None,
) -> Plan:
    """Decide which model and which columns are meant.

    Raises:
        UsageError: a column that is not there, or no model to give the outcomes to.

    """
    names = rows.columns_of(path)
    if not names:
        raise UsageError(f"{path} holds no row that can be read. Give a file with at least one.")
    found_id = rows.column(path, id_column, names, schema.INFERENCE_ID, "inference_id", "id", what="id")
    label = rows.column(path, label_column, names, schema.OUTCOME_LABEL, "label", "outcome", what="label")
    value = rows.column(path, value_column, names, schema.OUTCOME_VALUE, "value", what="value")
    if found_id is None or (label is None and value is None):
        missing = "--id-column" if found_id is None else "--label-column or --value-column"
        raise UsageError(f"Which columns of {path} are meant? Name {missing}. It has: {', '.join(names)}.")
    observed_at = rows.column(
        path, observed_at_column, names, schema.OUTCOME_OBSERVED_AT, "observed_at", what="time"
    )
    columns = outcomes.Columns(id=found_id, label=label, value=value, observed_at=observed_at)
    return Plan(path=path, model=_model(config, asked), columns=columns, revision=revision, ship=ship)


def _model(config: Config, asked: Asked) -> str:
    """The model named, or the only one of the store."""
    if asked.model is not None:
        return asked.model
    if not wiring.is_cluster(config) and not wiring.folder(config.store).is_dir():
        raise UsageError("Which model are these outcomes of? Name it with --model.")
    with wiring.reading(config) as reader:
        return one_model(reader, config, asked).name


def run(plan: Plan, config: Config, *, now: datetime, advance: Advance) -> Loaded:
    """Load the file; bad rows are kept apart, the rest is written.

    Raises:
        StoreLockedError: a collector holds the store; the message says how to go through it.
        WireError: the collector cannot be reached.

    """
    done = Loaded()
    if plan.ship is not None:
        with ship.to(plan.ship) as target:
            _load(plan, target, done, now=now, advance=advance)
        return done
    try:
        with wiring_collect.loading(config) as target:
            _load(plan, target, done, now=now, advance=advance)
    except StoreLockedError as error:
        address = f"http://{config.collector.host}:{config.collector.http_port}"
        raise StoreLockedError(
            f"{error} To load through a running collector, add: --ship {address}"
        ) from None
    with wiring.reading(config) as reader:
        _match(reader, plan, done)
    return done


def _load(plan: Plan, target: Target, done: Loaded, *, now: datetime, advance: Advance) -> None:
    refused: list[tuple[bytes, InvalidEventError]] = []
    batch: list[Event] = []

    def flush() -> None:
        written = target.write(batch) if batch else Written(stored=0, duplicates=0)
        done.stored += written.stored
        done.duplicates += written.duplicates
        advance(len(batch) + len(refused))
        done.bad += len(written.refused)
        refused.extend(
            (batch[each.place].body, InvalidEventError(each.reason, each.detail)) for each in written.refused
        )
        target.refuse(refused)
        batch.clear()
        refused.clear()

    for row in _rows(plan):
        done.read += 1
        try:
            batch.append(
                outcomes.to_event(row, plan.columns, model=plan.model, revision=plan.revision, now=now)
            )
        except InvalidEventError as error:
            refused.append((row.raw or repr(row.values).encode(), error))
            done.bad += 1
            if len(done.problems) < _PROBLEMS:
                done.problems.append((row.line, str(error)))
        if len(batch) + len(refused) >= _BATCH:
            flush()
    flush()


def _rows(plan: Plan) -> Iterator[rows.Row]:
    columns = plan.columns
    wanted = [columns.id, columns.label, columns.value, columns.observed_at]
    return rows.read(plan.path, [name for name in wanted if name is not None])


def _match(reader: Reader, plan: Plan, done: Loaded) -> None:
    """Count how many of the file's first ids are those of inferences."""
    ids: list[str] = []
    for row in _rows(plan):
        value = row.values.get(plan.columns.id)
        if value is not None:
            ids.append(str(value))
        if len(ids) == _BATCH:
            _match_batch(reader, plan.model, ids, done)
            ids = []
        if done.checked >= _CHECKED:
            break
    if ids:
        _match_batch(reader, plan.model, ids, done)
    if not done.matched:
        done.sample_stored = _sample(reader, plan.model)


def _match_batch(reader: Reader, model: str, ids: list[str], done: Loaded) -> None:
    distinct = tuple(dict.fromkeys(ids))
    query = Query(
        dataset=Dataset.INFERENCE,
        where=AllOf((Equals(schema.MODEL_NAME, model), OneOf(schema.INFERENCE_ID, distinct))),
        measures={"n": Distinct(schema.INFERENCE_ID)},
    )
    [row] = reader.query(query)
    done.matched += row["n"] or 0
    done.checked += len(distinct)
    done.sample_file = done.sample_file or distinct[0]


def _sample(reader: Reader, model: str) -> str | None:
    scan = Scan(
        dataset=Dataset.INFERENCE,
        where=Equals(schema.MODEL_NAME, model),
        fields=(schema.INFERENCE_ID,),
        newest_first=True,
        limit=1,
    )
    return next((document[schema.INFERENCE_ID] for batch in reader.scan(scan) for document in batch), None)
