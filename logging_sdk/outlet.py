"""Where events leave the caller: written by a producer, put into the spool, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count, islice
from typing import Final, Protocol
from weakref import WeakSet

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.event import Document
from mlmon.core.schema import Dataset
from mlmon.logging_sdk.fork import renew_in_child
from mlmon.logging_sdk.health import Measured, Reporter, measured
from mlmon.logging_sdk.misuse import Misuse
from mlmon.logging_sdk.producer import KINDS, Kind, Producer
from mlmon.logging_sdk.ship import Shipper
from mlmon.logging_sdk.stats import Stats

_CHUNK: Final = 512
"""Events of a bulk call that are queued at once, so that the shipping thread can begin."""


class Basket(Protocol):
    """Takes events in place of a spool; see `Spool`."""

    def append(self, record: bytes, level: int) -> None:
        """Keep an event."""

    def extend(self, records: Sequence[bytes], level: int) -> None:
        """Keep several events."""


class Sleeper(Protocol):
    """Who must be woken when there is something to send."""

    asleep: bool

    def wake(self) -> None:
        """Have it look."""


class _Awake:
    """Never needs waking: a basket is not shipped."""

    asleep = False

    def wake(self) -> None:
        """Do nothing."""


Emit = Callable[[int, Document], None]
"""Writes and queues an event: its moment in nanoseconds, and its body."""


class Outlet:
    """Joins a producer with a shipper. Safe for threads; never raises; a forked child begins anew.

    `emitters` has a function for each kind that writes and queues an event, until the events go elsewhere.
    With `report_every_s` it reports of itself that often.
    """

    def __init__(
        self,
        producer: Producer,
        shipper: Shipper,
        misuse: Misuse,
        *,
        report_every_s: float | None = None,
        clock: Clock = clocks.system,
    ) -> None:
        self.producer = producer
        self.shipper = shipper
        self.misuse = misuse
        self._report_every_s = report_every_s
        self._clock = clock
        self._own: Basket | None = None
        self._followers: list[Callable[[], None]] = []
        self._bind()
        _outlets.add(self)
        renew_in_child(self)

    def _bind(self) -> None:
        """Look up once what the hot path calls."""
        self._sampled_out = count()
        self.aim(_diversion)
        if self._report_every_s is not None:
            self.shipper.reporter = Reporter(
                self.measured,
                self.producer.fields(Dataset.HEALTH),
                producer_id=self.producer.id,
                every_s=self._report_every_s,
                clock=self._clock,
            )

    def keep_in(self, basket: Basket) -> None:
        """Put events into a basket for good, whatever is diverted."""
        self._own = basket
        self.aim(basket)

    def aim(self, basket: Basket | None) -> None:
        """Put events into a basket instead of the spool, or, with None, into the spool again."""
        basket = self._own or basket
        aim = self.shipper.spool if basket is None else basket
        self._basket: Basket = aim
        self._sleeper: Sleeper = self.shipper if basket is None else _Awake()
        self.emitters: Mapping[Kind, Emit] = {kind: self._make_emitter(kind) for kind in KINDS}
        for bind in self._followers:
            bind()

    def follow(self, bind: Callable[[], None]) -> None:
        """Call a function now, and whenever `emitters` are others."""
        self._followers.append(bind)
        bind()

    def begin_anew(self) -> None:
        """Take a new producer id, an empty spool and a transport of its own."""
        self.misuse.begin_anew()
        self.producer.begin_anew()
        self.shipper.begin_anew()
        self._bind()

    def emit(self, kind: Kind, at_ns: int, body: Document) -> None:
        """Write and queue one event; see `Producer.write`."""
        self.emitters[kind](at_ns, body)

    def _make_emitter(self, kind: Kind) -> Emit:
        """Flat, and with all it needs at hand, because each event goes through it."""
        write, append, level = self.producer.writers[kind], self._basket.append, kind.level
        sleeper, note = self._sleeper, self.misuse.note

        def emit(at_ns: int, body: Document) -> None:
            try:
                append(write(at_ns, body), level)
                if sleeper.asleep:
                    sleeper.wake()
            except Exception as error:  # noqa: BLE001 - the host must not notice
                note("not_written", f"An event could not be written: {error!r}.", error=error)

        return emit

    def emit_many(self, kind: Kind, events: Iterable[tuple[int, Document]]) -> None:
        """Write and queue many events of one kind, pairs of a moment and a body."""
        rest = iter(events)
        while chunk := list(islice(rest, _CHUNK)):
            try:
                self._basket.extend(self._written(kind, chunk), kind.level)
                if self._sleeper.asleep:
                    self._sleeper.wake()
            except Exception as error:  # noqa: BLE001 - the host must not notice
                self.misuse.note("not_written", f"Events could not be written: {error!r}.", error=error)

    def _written(self, kind: Kind, events: Iterable[tuple[int, Document]]) -> list[bytes]:
        """The events as bytes; one that cannot be written costs itself alone and takes no number."""
        write = self.producer.writers[kind]
        records: list[bytes] = []
        for at_ns, body in events:
            try:
                records.append(write(at_ns, body))
            except Exception as error:  # noqa: BLE001 - the host must not notice
                self.misuse.note("not_written", f"An event could not be written: {error!r}.", error=error)
        return records

    def leave_out(self) -> None:
        """Count an inference that sampling leaves out; it takes no number."""
        next(self._sampled_out)

    def stats(self) -> Stats:
        """The counters. They agree with each other once nothing is logged or sent meanwhile."""
        shipper, spool = self.shipper, self.shipper.spool
        return Stats(
            emitted=self.producer.written,
            sampled_out=int(repr(self._sampled_out)[6:-1]),  # `count(7)`, as in Producer.written
            queued=len(spool),
            sent=shipper.sent,
            acknowledged=shipper.acknowledged,
            dead_lettered=shipper.dead_lettered,
            dropped={**shipper.refused, **spool.losses},
            adopted=spool.adopted,
            retries=shipper.retries,
            misused=self.misuse.total,
        )

    def measured(self) -> Measured:
        """The counters as reports have them, and what waits."""
        shipper = self.shipper
        return measured(
            self.stats(),
            duplicates=shipper.duplicates,
            spool_bytes=shipper.spool.bytes_held,
            oldest_s=shipper.oldest_s(),
        )


_outlets: Final[WeakSet[Outlet]] = WeakSet()
_diversion: Basket | None = None


def outlets() -> list[Outlet]:
    """The outlets of all loggers of this process."""
    return list(_outlets)


@contextmanager
def diverted(basket: Basket) -> Iterator[None]:
    """Put the events of all loggers, also of those made within the block, into a basket; for tests."""
    before = _diversion
    _divert(basket)
    try:
        yield
    finally:
        _divert(before)


def _divert(basket: Basket | None) -> None:
    global _diversion  # noqa: PLW0603 - loggers made later must see it
    _diversion = basket
    for outlet in outlets():
        outlet.aim(basket)
