"""The one shipping thread: takes batches from the spool, sends them, and tries again where it must."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from threading import Event, Lock, Thread, get_ident
from time import monotonic, sleep
from typing import Final
from weakref import WeakSet

from msgspec import Struct

from mlmon.logging_sdk.backlog import Backlog
from mlmon.logging_sdk.ending import Ending
from mlmon.logging_sdk.health import Reporter
from mlmon.logging_sdk.misuse import LOGGER
from mlmon.logging_sdk.spool import Batch, Spool
from mlmon.logging_sdk.transport import Receipt, RefusedError, Transport, UnavailableError


class Pace(Struct, frozen=True, kw_only=True):
    """How the thread behaves, in seconds, records and bytes.

    `linger_s` is how long the first record of a batch may wait for others. Between tries it waits from
    `first_retry_s` to `last_retry_s`, doubling, with a jitter of half of it. At the exit of the process it
    has `grace_s` to send what is left.
    """

    linger_s: float = 0.02
    batch_records: int = 2_000
    batch_bytes: int = 2 * 1024 * 1024
    first_retry_s: float = 0.1
    last_retry_s: float = 30.0
    grace_s: float = 2.0


_WARN_EVERY_S: Final = 60.0
_WRONG_NAMESPACE: Final = "wrong_namespace"
_UNSENT: Final = "unsent_at_close"
_LATE: Final = "logged_after_close"


class Shipper:
    """Owns a spool and a transport, and the thread between them. Safe for threads.

    The thread starts at the first record. `asleep` is read after each append: only then must it be woken.
    `thread_id` is the ident of the thread, None before it started. `reporter` writes the reports of its
    owner, where there are any; they are not counted as sent.
    """

    def __init__(
        self, make_spool: Callable[[], Spool], connect: Callable[[], Transport], pace: Pace | None = None
    ) -> None:
        self._make_spool = make_spool
        self._connect = connect
        self._pace = pace or Pace()
        self._has_spool = False
        self.begin_anew()
        _shippers.add(self)
        _ending.see_sigterm()

    def begin_anew(self) -> None:
        """Start from nothing: an empty spool, a transport of its own, no thread, all counters 0.

        What was there is let go of and not closed: in a forked child it is the parent's.
        """
        if self._has_spool:
            self.spool.let_go()
        self._has_spool = True
        self.spool: Spool = self._make_spool()
        self.asleep = True
        self.sent = 0
        self.acknowledged = 0
        self.dead_lettered = 0
        self.duplicates = 0
        self.retries = 0
        self.reporter: Reporter | None = None
        self._backlog = Backlog()
        self._taken = 0
        self.refused: Counter[str] = Counter()
        self._transport = self._connect()
        self._lock = Lock()
        self._signal = Event()
        self._hurry = Event()
        self._quiet = Event()
        self._closing = Event()
        self._stop_at: float | None = None
        self._thread: Thread | None = None
        self.thread_id: int | None = None
        self._warned_at = -_WARN_EVERY_S
        self._is_over = False

    def wake(self) -> None:
        """See to it that the thread runs and looks into the spool."""
        if self._is_over:
            self._refuse_late()
            return
        with self._lock:
            if self._thread is None and self._stop_at is None:
                _ending.see_worker()
                thread = Thread(target=self._run, name="mlmon-ship", daemon=True)
                with suppress(RuntimeError):  # an interpreter that shuts down starts no thread
                    thread.start()
                    self._thread = thread
                    self.thread_id = thread.ident
        self._signal.set()

    def flush(self, timeout_s: float) -> bool:
        """Wait until all that was appended before is sent or dropped; False where the time was too short."""
        end = monotonic() + timeout_s
        while len(self.spool):
            if get_ident() == self.thread_id or self._stop_at is not None:
                return False
            self._quiet.clear()
            self._hurry.set()
            self.wake()
            left = end - monotonic()
            if left <= 0 or not self._quiet.wait(left):
                return not len(self.spool)
        return True

    def close(self, timeout_s: float) -> bool:
        """Send what is left within a time, then stop for good; False where something was left.

        What is left is dropped and counted, unless the spool keeps it for the next process.
        """
        self.spool.persist()
        thread = self.stop(timeout_s)
        if thread is None:
            if len(self.spool):  # an interpreter that shuts down has started no thread for it
                self._run()
        elif get_ident() != thread.ident:
            thread.join(max(0.0, (self._stop_at or 0.0) - monotonic()) + 0.1)
        is_all = not len(self.spool) and not self.refused[_UNSENT]
        if thread is None or not thread.is_alive():
            self._end()
        return is_all

    def stop(self, timeout_s: float | None = None) -> Thread | None:
        """Have the thread end within a time, the grace time by default; the first call's time counts."""
        with self._lock:
            if self._stop_at is None:
                self._stop_at = monotonic() + (self._pace.grace_s if timeout_s is None else timeout_s)
            thread = self._thread
        self._closing.set()
        self._hurry.set()
        self._signal.set()
        return thread

    def oldest_s(self) -> float:
        """No event that waits or is on its way has been there for longer than this, in seconds."""
        come = self._come()
        return self._backlog.oldest_s(come - len(self.spool), monotonic())

    def close_at_exit(self) -> None:
        """Close within the grace time of an exiting process."""
        self.close(self._pace.grace_s)

    def _end(self) -> None:
        """Free everything, once; `asleep` is set before the rest is counted, so that no event is missed."""
        with self._lock:
            if self._is_over:
                return
            self._is_over = True
        self._transport.close()
        self.spool.close()
        self.asleep = True
        self._refuse_late()

    def _refuse_late(self) -> None:
        """Drop and count what was logged after the end."""
        with self._lock:
            while late := self.spool.take(self._pace.batch_records, self._pace.batch_bytes).records:
                self.refused[_LATE] += len(late)
                self.spool.ack(Batch(records=late))

    def _run(self) -> None:
        while True:
            batch = self.spool.take(self._pace.batch_records, self._pace.batch_bytes)
            if batch.records:
                self._taken += len(batch.records)
                self._note_backlog()
                if not self._deliver(batch):
                    self._quiet.set()
                    return
                self._report()
                if self.spool.waiting < self._pace.batch_records:
                    self._linger()
            elif self._stop_at is not None:
                self._quiet.set()
                self._report(is_last=True)
                return
            else:
                self._sleep()

    def _sleep(self) -> None:
        """Wait for the next record; `asleep` is set before the spool is looked at, so that none is missed."""
        self._hurry.clear()
        self.asleep = True
        if not self.spool.waiting and self._stop_at is None:
            self._quiet.set()
            while not self._signal.wait(self.reporter.wait_s if self.reporter else None):
                self._report()
            self._backlog.note(self._taken + self.spool.dropped, monotonic())
        self._signal.clear()
        self.asleep = False
        self._linger()

    def _linger(self) -> None:
        if self._stop_at is None:
            self._hurry.wait(self._pace.linger_s)

    def _report(self, *, is_last: bool = False) -> None:
        """Send the report where one is due. What fails is left: the next report says it all."""
        reporter, end = self.reporter, self._stop_at
        if reporter is None or (reporter.wait_s and not is_last) or (end is not None and monotonic() > end):
            return
        try:
            report = reporter.write(is_last=is_last)
            if report is not None:
                self._transport.send([report])
        except Exception as error:  # noqa: BLE001 - the thread must outlive whatever a report meets
            LOGGER.debug("A report was not sent: %r", error)

    def _come(self) -> int:
        """How many records came to the spool in all."""
        return self._taken + self.spool.waiting + self.spool.dropped

    def _note_backlog(self) -> None:
        come = self._come()
        self._backlog.note(come, monotonic())
        self._backlog.forget(come - len(self.spool))

    def _deliver(self, batch: Batch) -> bool:
        """Send a batch until all of it is taken or refused; then the spool may let go of it.

        Gives False where the time is over and the spool keeps the batch for the next process.
        """
        parts = [batch.records]
        while parts:
            rest = self._send(parts.pop())
            if rest is None:
                return False
            parts += reversed(rest)
        self.spool.ack(batch)
        return True

    def _send(self, records: list[bytes]) -> list[list[bytes]] | None:
        """Send some records, trying again where that helps; gives the parts to send instead.

        None says that the time is over, and that the spool keeps them.
        """
        for tries in count():
            asked_s = None
            if self._stop_at is not None and monotonic() > self._stop_at:
                if self.spool.is_durable:
                    return None
                self.refused[_UNSENT] += len(records)
                break
            try:
                self._count(len(records), self._transport.send(records))
                break
            except RefusedError as error:
                return self._refuse(records, error)
            except UnavailableError as error:
                asked_s = error.retry_after_s
                self._warn(f"{error} Trying again; {len(self.spool)} events wait.")
            except Exception as error:  # noqa: BLE001 - the thread must outlive a fault of a transport
                self._warn(
                    f"The transport failed with {error!r}. Trying again; {len(self.spool)} events wait."
                )
            self.retries += 1
            self._note_backlog()
            self._pause(self._wait_s(tries) if asked_s is None else asked_s)
        return []

    def _count(self, number: int, receipt: Receipt) -> None:
        if receipt.refused:
            number -= receipt.refused
            self.refused[_WRONG_NAMESPACE] += receipt.refused
            self._warn(f"{receipt.refused} events are dropped: {receipt.detail}.")
        self.sent += number
        self.duplicates += receipt.duplicates
        if self._transport.is_acknowledged:
            self.acknowledged += number
        if receipt.dead_lettered:
            self.dead_lettered += receipt.dead_lettered
            self._warn(f"{receipt.dead_lettered} events went to the dead letters: {receipt.detail}.")

    def _refuse(self, records: list[bytes], error: RefusedError) -> list[list[bytes]]:
        """Drop refused records; give the halves of those that are too large together."""
        if error.is_too_large and len(records) > 1:
            middle = len(records) // 2
            return [records[:middle], records[middle:]]
        self.refused[error.reason] += len(records)
        self._warn(f"{error} Events dropped: {len(records)}.")
        return []

    def _wait_s(self, tries: int) -> float:
        longest: float = min(self._pace.last_retry_s, self._pace.first_retry_s * 2 ** min(tries, 20))
        return longest * random.uniform(0.5, 1.0)  # noqa: S311 - spreads the tries of many processes

    def _pause(self, wait_s: float) -> None:
        """Wait before the next try, shorter where the shipper is closing."""
        if self._stop_at is None:
            self._closing.wait(wait_s)
        else:
            sleep(min(wait_s, self._pace.first_retry_s))

    def _warn(self, message: str) -> None:
        if monotonic() - self._warned_at >= _WARN_EVERY_S:
            self._warned_at = monotonic()
            LOGGER.warning("%s", message)


_shippers: Final[WeakSet[Shipper]] = WeakSet()


def _close_all() -> None:
    """Close all at the same time, so that they share the grace time."""
    shippers = list(_shippers)
    for shipper in shippers:
        shipper.stop()
    for shipper in shippers:
        shipper.close_at_exit()


_ending: Final = Ending(_close_all)
