"""The jobs and their results: models, metrics, references, passes and accounts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from threading import Event
from typing import TYPE_CHECKING

from mlmon.cli import wiring, wiring_collect
from mlmon.core.config import Config
from mlmon.core.errors import (
    StoreError,
)
from mlmon.core.result import Metric
from mlmon.core.sequences import Runs
from mlmon.core.store import Reader, Store
from mlmon.core.window import Window

if TYPE_CHECKING:
    from mlmon.analyzers.account import Account as Account  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.account import Named as Named  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.delivery import Now as Accounting
    from mlmon.analyzers.health import Reporter as JobReporter
    from mlmon.analyzers.jobs import Pass as Pass  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.ledger import Letters as NumberedLetters
    from mlmon.analyzers.models import Model as Model  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.partition import Partition as Partition  # noqa: PLC0414 - for commands to name
    from mlmon.analyzers.pending import Tally
    from mlmon.analyzers.reference import Reference
    from mlmon.cli.training import Table


def models(reader: Reader, config: Config) -> list[Model]:
    """Every model that served an inference, by name."""
    from mlmon.analyzers import models as known

    return known.models(reader, config)


def metrics(  # noqa: PLR0913 - as what it calls
    reader: Reader,
    model: Model,
    span: Window,
    *,
    size: str,
    by: tuple[str, ...],
    version: str,
    now: datetime,
    config: Config,
    analyzers: tuple[str, ...] = (),
) -> Iterator[Metric]:
    """The metrics of a model, computed now."""
    from mlmon.analyzers import live

    return live.metrics(
        reader, model, span, size=size, by=by, version=version, now=now, config=config, analyzers=analyzers
    )


def outcome_tally(reader: Reader) -> Tally:
    """What all outcomes so far came to."""
    from mlmon.analyzers import pending

    return pending.status(reader)


def references(reader: Reader, model: str) -> dict[str, Reference]:
    """Every reference of a model, by version."""
    from mlmon.analyzers import reference

    return reference.load_all(reader, model)


def reference_from_window(
    reader: Reader, model: Model, window: Window, *, now: datetime, version: str
) -> Reference:
    """The reference of what a model served in a past time."""
    from mlmon.analyzers.profile_window import from_window

    return from_window(reader, model, window, now=now, version=version)


def reference_from_table(
    table: Table, *, model: str, version: str, source: str, positive_label: str | None, now: datetime
) -> Reference:
    """The reference of a training table."""
    from msgspec.structs import replace

    from mlmon.analyzers.profile_columns import Columns, from_columns

    columns = replace(Columns(features=table.features, segments=table.segments), **table.roles)
    return from_columns(
        columns, model=model, version=version, source=source, positive_label=positive_label, now=now
    )


def analyze_once(
    store: Store,
    config: Config,
    *,
    progress: Callable[[str, int, int], None],
    again: Window | None,
    partition: Partition | None = None,
) -> Pass:
    """One pass of the jobs, reported."""
    from mlmon.analyzers import jobs

    reporter = job_reporter()
    try:
        done = jobs.run_once(
            store,
            config,
            progress=progress,
            again=again,
            letters=lambda: _numbered_letters(config),
            partition=partition,
        )
    except StoreError as error:
        reporter.failed(store, error)
        raise
    reporter.passed(store, done, is_last=True)
    return done


def analyze_forever(
    store: Store,
    config: Config,
    every: timedelta,
    stop: Event,
    reporter: JobReporter,
    *,
    partition: Partition | None = None,
) -> Iterator[Pass]:
    """A pass every so often, each yielded and reported, until `stop` is set."""
    from mlmon.analyzers import health, jobs

    passes = jobs.run_forever(
        store,
        config,
        every=every,
        stop=stop,
        letters=lambda: _numbered_letters(config),
        partition=partition,
    )
    return health.reported(passes, store, reporter)


def partition(text: str | None) -> Partition | None:
    """A part of the models as it is written, `2/8`; None means all.

    Raises:
        UsageError: it is no part.

    """
    from mlmon.analyzers.partition import parse

    return None if text is None else parse(text)


def job_reporter() -> JobReporter:
    """What reports the passes of this process; its counts begin with it."""
    from mlmon.analyzers import health

    return health.Reporter()


def lags_s(reader: Reader, now: datetime) -> dict[str, float]:
    """For how long the oldest inference of a model that is not analysed yet has been stored, in seconds."""
    from mlmon.analyzers import health

    return health.lags_s(reader, now)


def accounting(reader: Reader, config: Config, now: datetime) -> Accounting:
    """Where the events of every producer are, as of this moment, whether or when the jobs ran."""
    from mlmon.analyzers import accounting as accounts

    return accounts.current(reader, config, _numbered_letters(config), now=now)


def cut_accounts(accounts: Iterable[Named], by: str) -> list[Named]:
    """Accounts put together by model, service, host or producer."""
    from mlmon.analyzers import account

    return account.cut(accounts, by)


def total_account(accounts: Iterable[Named]) -> Account:
    """Accounts of different producers as one."""
    from mlmon.analyzers import account

    return account.total(accounts)


def missing_numbers(reader: Reader, at: Accounting, producer: str) -> Runs:
    """The numbers of a producer's events that are nowhere, as pairs of the first and the last of a run."""
    from mlmon.analyzers import delivery

    return delivery.missing(reader, at, producer)


def _numbered_letters(config: Config) -> NumberedLetters:
    from mlmon.analyzers.ledger import Letters as Numbered
    from mlmon.pipelines import deadletter, tally

    folder = wiring.folder(config.store) / deadletter.FOLDER
    with wiring_collect.stored_letters(config) as more:
        found = tally.tally(folder, more)
    return Numbered(
        waiting={name: each.waiting for name, each in found.producers.items()},
        discarded={name: each.discarded for name, each in found.producers.items()},
        nameless=found.nameless_waiting,
    )
