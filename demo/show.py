"""The demo from end to end: train, serve a year through SDK and collector, join, analyse, tell, show."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console

from mlmon.analyzers import reference
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.cli import wiring, wiring_analyze
from mlmon.cli.progress import progress, stages
from mlmon.core import clock
from mlmon.core.config import Config, ModelConfig, PageConfig, StoreConfig
from mlmon.core.errors import UsageError, WireError
from mlmon.core.store import Store
from mlmon.demo import alarms, flights, model, serve, story
from mlmon.demo.collecting import collector
from mlmon.demo.model import Training
from mlmon.stores.embedded import open_store

if TYPE_CHECKING:
    import pandas as pd

MARK: Final = "mlmon-demo"
"""A file that says a folder is the demo's, so that the next demo may replace it."""
_LONG: Final = "3650d"
"""A year of events is stored within seconds, and none of it is to go."""


def run(*, once: bool, port: int, store: str, report: str) -> None:
    """Run it. `once` ends after the report; else the page is served on `port` until Ctrl-C.

    Raises:
        UsageError: the folder for the store holds something that is not the demo's.
        MissingExtraError: the data are not installed.

    """
    started = time.perf_counter()
    out, err = Console(), Console(stderr=True)
    _make_room(Path(store))
    config = Config(
        store=StoreConfig(url=store, keep_events=_LONG, keep_evaluations=_LONG, keep_results=_LONG),
        page=PageConfig(port=port),
        models={serve.MODEL: ModelConfig(maturity="2d")},
    )
    with _step(err, "Loading the flights of 2013"):
        table = flights.load()
    with _step(err, "Training on January and February"):
        trained = model.train(flights.training(table))
    _serve(flights.serving(table), trained, store, err)
    with wiring.writing(config, wiring.RESULTS) as results:
        reference.save(results, _reference(trained))
        with _step(err, "Joining outcomes and analysing"), stages() as told:
            wiring_analyze.analyze_once(results, config, progress=told, again=None)
        story.tell(story.read(results, serve.MODEL), out)
        with _step(err, "Judging alert rules"):
            judged = alarms.judge(results, config, now=clock.to_datetime(clock.system()))
        alarms.tell(judged, out)
        with _step(err, "Writing the report"):
            _report(results, report)
    err.print(f"Done in {time.perf_counter() - started:.0f} s. The report is {report}; the store is {store}.")
    command = _command()
    err.print(f"Ask it yourself:  {command} metrics --store {store} --window month --by carrier")
    err.print(f"What rules say:   {command} rules backtest --store {store} --since 300d")
    if not once:
        _page(config, err)


def _command() -> str:
    """How to call mlmon from this shell; an environment that is not active is no part of its path."""
    if shutil.which("mlmon"):
        return "mlmon"
    return sys.argv[0] if Path(sys.argv[0]).name == "mlmon" else "python -m mlmon.cli"


def ship_to(ship: str) -> None:
    """Train, and serve the year to a collector or Logstash that runs elsewhere; `ship` is its address.

    Raises:
        WireError: not all events were taken.
        MissingExtraError: the data are not installed.

    """
    err = Console(stderr=True)
    with _step(err, "Loading the flights of 2013"):
        table = flights.load()
    with _step(err, "Training on January and February"):
        trained = model.train(flights.training(table))
    send(flights.serving(table), trained, ship, err)


def _make_room(folder: Path) -> None:
    """Take the folder away where it is that of an earlier demo."""
    if folder.exists() and any(folder.iterdir()):
        if not (folder / MARK).exists():
            raise UsageError(
                f"The folder {folder} holds something that is not the demo's. Name another with --store."
            )
        shutil.rmtree(folder)
    open_store(folder).close()
    (folder / MARK).touch()


@contextmanager
def _step(err: Console, about: str) -> Iterator[None]:
    """Say what is done, and how long it took."""
    start = time.perf_counter()
    if sys.stderr.isatty():
        err.print(f"{about} ...", style="dim")
    yield
    err.print(f"{about}: {time.perf_counter() - start:.1f} s")


def _serve(served: pd.DataFrame, trained: Training, store: str, err: Console) -> None:
    with collector(store) as ship:
        send(served, trained, ship, err)


def send(served: pd.DataFrame, trained: Training, ship: str, err: Console, *, wait_s: float = 60.0) -> None:
    """Serve flights through the SDK to an address, and say how it went; the last events may take `wait_s`.

    Raises:
        WireError: not all events were taken.

    """
    hours = serve.HourClock()
    start = time.perf_counter()
    log = serve.logger(ship, trained.model.threshold, hours)
    with progress("Serving the flights of March to December", len(served)) as advance:
        serve.serve(served, trained.model, log, hours, on_hour=advance)
    log.close(timeout_s=wait_s)
    stats, seconds = log.stats(), time.perf_counter() - start
    if lost := stats.queued + sum(stats.dropped.values()):
        raise WireError(
            f"{lost:,} of {stats.emitted:,} events were not taken by {ship.partition('?')[0]}. "
            "Look whether it runs and lets this machine in, then run the demo again."
        )
    err.print(
        f"Served {len(served):,} flights: {stats.acknowledged:,} events acknowledged, "
        f"{sum(stats.dropped.values())} dropped, {seconds:.1f} s"
    )


def _reference(trained: Training) -> reference.Reference:
    """What is normal: the training months, scored by models that had not seen the week."""
    known = trained.reference
    return from_columns(
        Columns(
            features={name: _column(known, name) for name in flights.FEATURES},
            score=_column(known, "score"),
            label=_column(known, "label"),
            outcome=_column(known, "outcome"),
            segments={name: _column(known, name) for name in serve.SEGMENTS},
        ),
        model=serve.MODEL,
        version=serve.VERSION,
        source="January and February 2013, out of fold",
        task="binary",
        positive_label=flights.LATE,
        now=clock.to_datetime(clock.system()),
    )


def _column(table: pd.DataFrame, name: str) -> Any:  # noqa: ANN401 - an array of numbers or a list of words
    column = table[name]
    return column.to_numpy() if column.dtype.kind == "f" else column.tolist()


def _report(store: Store, path: str) -> None:
    from mlmon.web.report import render_report  # noqa: PLC0415 - the charts' renderer takes a while to load

    Path(path).write_text(render_report(store), encoding="utf-8")


def _page(config: Config, err: Console) -> None:
    """Serve the page until Ctrl-C, on another port where the one asked for is taken."""
    with wiring.reading(config) as reader:
        try:
            _show(reader, config, err)
        except WireError as error:
            err.print(f"{error} Taking a free port.")
            _show(reader, Config(store=config.store, page=PageConfig(port=0)), err)


def _show(reader: Any, config: Config, err: Console) -> None:  # noqa: ANN401 - a Reader
    with wiring.serving(reader, config) as address:
        err.print(f"The page is at {address} until Ctrl-C.")
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            err.print("Stopped.")
