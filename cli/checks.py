"""What `mlmon doctor` looks at: each check says how it is, and what to do where it is not well."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from mlmon.cli import cluster_checks, kibana_checks, parts, units, wiring, wiring_analyze
from mlmon.cli.check import Check, Status
from mlmon.cli.parts import LITTLE_BYTES, TOO_LITTLE_BYTES
from mlmon.core import schema
from mlmon.core.config import Config
from mlmon.core.errors import MlmonError
from mlmon.core.query import Count, Max, Query, Terms
from mlmon.core.schema import Dataset
from mlmon.core.store import Reader

_QUIET: Final = timedelta(days=1)


def run(config: Config, now: datetime) -> Iterator[Check]:
    """Every check, in the order a person would go through them; without a store only what needs none."""
    if wiring.is_cluster(config):
        yield from _of_cluster(config, now)
        return
    try:
        state = wiring.store_state(config)
    except MlmonError as error:
        fix = f"Start one: mlmon up --store {config.store.url}"
        yield Check(name="store", status=Status.FAIL, detail=str(error), fix=fix)
        yield from _ports(config, is_collecting=False)
        return
    yield Check(name="store", status=Status.OK, detail=f"{state.url}, version {state.version}")
    yield _disk(wiring.folder(config.store))
    yield from _writers(state)
    yield _torn(state)
    yield _dead(state)
    with wiring.reading(config) as reader:
        yield from _contents(reader, config, now)
        yield from parts.run(reader, config, now, is_analysing=wiring.RESULTS in state.writers)
    yield from _ports(config, is_collecting=wiring.EVENTS in state.writers)


def _of_cluster(config: Config, now: datetime) -> Iterator[Check]:
    found = list(cluster_checks.run(config, now))
    yield from found
    if not any(check.name in ("store", "templates") and check.status is Status.FAIL for check in found):
        with wiring.reading(config) as reader:
            yield from _contents(reader, config, now)
            yield from parts.run(reader, config, now, is_analysing=False)
    yield from kibana_checks.run(config)
    # A cluster knows no locks, so a port in use is taken to be the collector's.
    yield from _ports(config, is_collecting=True)


def _disk(path: Path) -> Check:
    free = shutil.disk_usage(path).free
    status = Status.OK if free > LITTLE_BYTES else Status.WARN if free > TOO_LITTLE_BYTES else Status.FAIL
    fix = "" if status is Status.OK else "Free space, or keep less: store.keep_events in mlmon.yaml."
    return Check(name="disk", status=status, detail=f"{units.size_bytes(free)} free", fix=fix)


def _writers(state: wiring.StoreState) -> Iterator[Check]:
    who = {
        wiring.EVENTS: ("collector", "mlmon up"),
        wiring.RESULTS: ("analyzers", "mlmon up, or mlmon analyze"),
    }
    for part, (name, command) in who.items():
        holder = state.writers.get(part)
        detail = f"running ({holder})" if holder else f"not running; start: {command}"
        yield Check(name=name, status=Status.OK, detail=detail)


def _torn(state: wiring.StoreState) -> Check:
    if not state.torn_bytes:
        return Check(name="tail", status=Status.OK, detail="whole")
    return Check(
        name="tail",
        status=Status.WARN,
        detail=f"{units.size_bytes(state.torn_bytes)} were torn by a crash; nothing acknowledged is lost",
        fix="Nothing to do: the next writer mends it. What was cut off is kept in tail/*.torn.",
    )


def _dead(state: wiring.StoreState) -> Check:
    total = sum(state.dead_letters.values())
    if not total:
        return Check(name="dead letters", status=Status.OK, detail="none")
    reasons = ", ".join(f"{count:,} {reason}" for reason, count in sorted(state.dead_letters.items()))
    return Check(
        name="dead letters",
        status=Status.WARN,
        detail=f"{total:,} records were refused: {reasons}",
        fix="See why: mlmon deadletter ls. Mend the sender, then: mlmon deadletter replay",
    )


def _contents(reader: Reader, config: Config, now: datetime) -> Iterator[Check]:
    counts = {holding.dataset: holding.count for holding in reader.holdings()}
    if not counts.get(Dataset.INFERENCE):
        fix = "Send some: ModelLogger(..., ship='http://127.0.0.1:5959'), or see how it looks: mlmon demo"
        yield Check(name="events", status=Status.WARN, detail="no inferences yet", fix=fix)
        return
    detail = ", ".join(f"{count:,} {dataset.removeprefix('mlmon.')}" for dataset, count in counts.items())
    yield Check(name="events", status=Status.OK, detail=detail)
    yield from _models(reader, now)
    yield _delivery(reader, config, now)
    yield _joined(reader, counts)
    yield from _references(reader, config)


def _models(reader: Reader, now: datetime) -> Iterator[Check]:
    rows = reader.query(
        Query(
            dataset=Dataset.INFERENCE,
            by={"model": Terms(schema.MODEL_NAME)},
            measures={"stored": Max(schema.EVENT_INGESTED), "n": Count()},
        )
    )
    for row in rows:
        is_quiet = now - row["stored"] > _QUIET
        yield Check(
            name=f"model {row['model']}",
            status=Status.WARN if is_quiet else Status.OK,
            detail=f"last event stored {units.ago(row['stored'], now)}",
            fix="Does the service run, and ship to this collector?" if is_quiet else "",
        )


def _delivery(reader: Reader, config: Config, now: datetime) -> Check:
    account = wiring_analyze.total_account(wiring_analyze.accounting(reader, config, now).accounts())
    detail = f"of {units.counted(account.made, 'event')}, {units.count(account.unknown)} unknown"
    if account.dropped:
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in account.dropped.items())
        detail += f"; dropped by their producers: {reasons}"
    is_well = not account.unknown and not account.dropped
    return Check(
        name="delivery",
        status=Status.OK if is_well else Status.WARN,
        detail=detail,
        fix="" if is_well else "See whose, and what became of them: mlmon accounting --by producer",
    )


def _joined(reader: Reader, counts: dict[Dataset, int]) -> Check:
    tally = wiring_analyze.outcome_tally(reader)
    if not counts.get(Dataset.OUTCOME):
        fix = "Send them with log.outcome(...), or: mlmon outcomes load FILE"
        return Check(name="outcomes", status=Status.WARN, detail="none yet", fix=fix)
    if not counts.get(Dataset.EVALUATION):
        detail = f"{counts[Dataset.OUTCOME]:,} stored, none joined"
        fix = "The next pass of mlmon up joins them, or: mlmon analyze"
        return Check(name="outcomes", status=Status.WARN, detail=detail, fix=fix)
    waiting = tally.pending + tally.expired
    if waiting:
        detail = f"{tally.pending:,} wait for their inference, {tally.expired:,} waited too long"
        fix = "Compare ids: the outcome's must be that of the inference. See: mlmon outcomes status"
        return Check(name="outcomes", status=Status.WARN, detail=detail, fix=fix)
    return Check(name="outcomes", status=Status.OK, detail="all are joined")


def _references(reader: Reader, config: Config) -> Iterator[Check]:
    without = [
        model.name
        for model in wiring_analyze.models(reader, config)
        if not wiring_analyze.references(reader, model.name)
    ]
    if without:
        yield Check(
            name="reference",
            status=Status.WARN,
            detail=f"{', '.join(without[:5])} {'has' if len(without) == 1 else 'have'} none, "
            "so drift is not measured",
            fix=f"Build one: mlmon reference build --model {without[0]} --since TIME --until TIME",
        )


def _ports(config: Config, *, is_collecting: bool) -> Iterator[Check]:
    collector, page = config.collector, config.page
    doors = (
        ("collector.http_port", collector.host, collector.http_port),
        ("collector.tcp_port", collector.host, collector.tcp_port),
        ("collector.beats_port", collector.host, collector.beats_port),
        ("page.port", page.host, page.port),
    )
    for key, host, port in doors:
        if not port:
            continue
        problem = _bind_problem(host, port)
        if problem is None or (is_collecting and problem == "in use"):
            state = "free" if problem is None else "in use, as it should be"
            yield Check(name=f"port {port}", status=Status.OK, detail=f"{state} ({key})")
            continue
        yield Check(
            name=f"port {port}",
            status=Status.FAIL,
            detail=f"{host}:{port} is {problem} ({key})",
            fix=f"Stop what uses it, or choose another: {key} in mlmon.yaml.",
        )


def _bind_problem(host: str, port: int) -> str | None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            import errno

            return "in use" if error.errno == errno.EADDRINUSE else f"not to be had: {error.strerror}"
    return None
