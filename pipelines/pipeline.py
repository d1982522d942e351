"""What happens to lines, whichever door they came by: validate, dead-letter, write, and only then answer.

One thread checks, another writes, and both keep the order in which submissions came. While one write waits
for the disk the next lines are checked, and all that is checked by then is written together, so that many
small senders share one durable write. What waits is bounded in bytes; beyond that a sender is told to come
back.
"""

from __future__ import annotations

import queue
import threading
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from time import monotonic
from typing import Final, Protocol

from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import InvalidEventError, MlmonError, StoreError, WireError
from mlmon.core.event import Event
from mlmon.core.store import Refused, Written
from mlmon.pipelines.deadletter import DeadLetter, DeadLetters, letter
from mlmon.pipelines.naming import Name, Naming
from mlmon.pipelines.scope import WRONG_NAMESPACE, scoped
from mlmon.pipelines.validate import Validator
from mlmon.pipelines.wrapped import unwrapped

MOST_BYTES_WAITING: Final = 256 << 20
MOST_BYTES_TOGETHER: Final = 8 << 20
"""A group larger than this would keep the small senders in it waiting."""
_MOST_TIMES: Final = 1_024
"""Of how many writes the time is remembered."""


class BusyError(WireError):
    """So much waits to be written that no more is taken; come back soon."""


Ids = Callable[[int], str | None]
"""Gives the id of a line by its place in a submission, where the line has none of its own."""


class Refusal(Struct, frozen=True, kw_only=True):
    """Why one line of a submission is not stored: a dead letter now, unless its namespace was wrong."""

    index: int
    reason: str
    detail: str


class Receipt(Struct, frozen=True, kw_only=True):
    """What became of a submission. All of it is durable: stored, there already, or dead-lettered.

    Only what its sender may not write, `wrong_namespace` events of it, is kept nowhere.
    """

    received: int
    stored: int
    duplicates: int
    wrong_namespace: int = 0
    refused: tuple[Refusal, ...] = ()

    @property
    def dead_lettered(self) -> int:
        """How many lines went to the dead letters."""
        return len(self.refused) - self.wrong_namespace


class Counters(Struct, frozen=True, kw_only=True):
    """What a pipeline has done since it was made."""

    received: int
    stored: int
    duplicates: int
    dead_lettered: Mapping[str, int]
    failed: int
    turned_away: int
    wrong_namespace: int
    bytes_waiting: int
    oldest_s: float


class _Submission(Struct, kw_only=True):
    lines: Sequence[bytes]
    size: int
    source: str
    namespace: str | None
    ids: Ids | None
    is_counted: bool
    receipt: Future[Receipt]


class _Checked(Struct, kw_only=True):
    submission: _Submission
    events: list[Event]
    refused: list[Refusal]
    letters: list[DeadLetter]
    error: Exception | None = None
    """Why it could not be checked; then the lists are empty."""
    kept_out: int = 0
    """How many of the events the store refused."""


class Sink(Protocol):
    """The one thing a pipeline asks of a store."""

    def write(self, events: Sequence[Event]) -> Written:
        """Append events, each once; see `mlmon.core.store.Writer`."""


class Pipeline:
    """Takes lines from any thread and answers when they are durable."""

    def __init__(
        self,
        writer: Sink,
        dead_letters: DeadLetters,
        validator: Validator | None = None,
        *,
        clock: Clock = clocks.system,
        most_bytes_waiting: int = MOST_BYTES_WAITING,
    ) -> None:
        """Start the threads; from now on only they use the writer."""
        self._writer = writer
        self._dead_letters = dead_letters
        self._validate = validator or Validator(clock=clock)
        self._naming = Naming()
        self._clock = clock
        self._most_bytes_waiting = most_bytes_waiting
        self._queue: queue.SimpleQueue[_Submission | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._bytes_waiting = 0
        self._came_at: deque[float] = deque()
        self._write_s: deque[float] = deque(maxlen=_MOST_TIMES)
        self._is_closed = False
        self._counts: Counter[str] = Counter()
        self._dead: Counter[str] = Counter()
        self._checked: list[_Checked] = []
        self._bytes_checked = 0
        self._is_all_checked = False
        self._turn = threading.Condition()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for name, target in (("mlmon-check", self._check_all), ("mlmon-write", self._write_all))
        ]
        for thread in self._threads:
            thread.start()

    def submit(
        self, lines: Sequence[bytes], source: str, *, namespace: str | None = None, ids: Ids | None = None
    ) -> Future[Receipt]:
        """Hand over lines; the receipt comes when all of them are durable.

        With a `namespace` all of them are events of that one, and those that name another are refused.
        `ids` names the lines that have no id, for a source that knows its lines again; without it they are
        named as `mlmon.pipelines.naming` says.

        The future raises StoreError where the store or the dead letters could not be written: then nothing of
        the submission may be counted on, and sending it again is safe.

        Raises:
            BusyError: too much is waiting.
            WireError: the pipeline is closed.

        """
        return self._submit(lines, source, namespace, ids, is_counted=True)

    def report(self, line: bytes) -> Future[Receipt]:
        """Write what the collector says of itself, in its turn; it is not counted, and never turned away.

        Raises:
            WireError: the pipeline is closed.

        """
        return self._submit([line], "collector", None, None, is_counted=False)

    def _submit(
        self,
        lines: Sequence[bytes],
        source: str,
        namespace: str | None,
        ids: Ids | None,
        *,
        is_counted: bool,
    ) -> Future[Receipt]:
        size = sum(map(len, lines))
        with self._lock:
            if self._is_closed:
                raise WireError("The collector is shutting down. Send it again to the next one.")
            is_over = self._bytes_waiting + size > self._most_bytes_waiting
            if self._bytes_waiting and is_over and is_counted:
                self._counts["turned_away"] += len(lines)
                raise BusyError(
                    f"{self._bytes_waiting} bytes wait to be written; "
                    f"at most {self._most_bytes_waiting} may. Send it again in a second."
                )
            self._bytes_waiting += size
            self._came_at.append(monotonic())
            receipt: Future[Receipt] = Future()
            # What was taken is written: whoever stops waiting must not be able to cancel it.
            receipt.set_running_or_notify_cancel()
            self._queue.put(
                _Submission(
                    lines=lines,
                    size=size,
                    source=source,
                    namespace=namespace,
                    ids=ids,
                    is_counted=is_counted,
                    receipt=receipt,
                )
            )
        return receipt

    def counters(self) -> Counters:
        """What was done so far."""
        with self._lock:
            return Counters(
                received=self._counts["received"],
                stored=self._counts["stored"],
                duplicates=self._counts["duplicates"],
                dead_lettered=dict(self._dead),
                failed=self._counts["failed"],
                turned_away=self._counts["turned_away"],
                wrong_namespace=self._counts["wrong_namespace"],
                bytes_waiting=self._bytes_waiting,
                oldest_s=monotonic() - self._came_at[0] if self._came_at else 0.0,
            )

    def write_times_s(self) -> list[float]:
        """How long each of the latest durable writes took, in seconds."""
        with self._lock:
            return list(self._write_s)

    def close(self) -> None:
        """Take no more, write what waits, and stop. A second call does no harm."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._queue.put(None)
        for thread in self._threads:
            thread.join()

    def _check_all(self) -> None:
        while (submission := self._queue.get()) is not None:
            checked = self._check(submission)
            with self._turn:
                self._turn.wait_for(lambda: self._bytes_checked < MOST_BYTES_TOGETHER)
                self._checked.append(checked)
                self._bytes_checked += submission.size
                self._turn.notify_all()
        with self._turn:
            self._is_all_checked = True
            self._turn.notify_all()

    def _write_all(self) -> None:
        while group := self._next_group():
            for each in group:
                if each.error:
                    self._fail([each.submission], each.error)
            if sound := [each for each in group if not each.error]:
                self._write(sound)

    def _next_group(self) -> list[_Checked]:
        """All that is checked, once there is something; nothing at the end."""
        with self._turn:
            self._turn.wait_for(lambda: self._checked or self._is_all_checked)
            group, self._checked, self._bytes_checked = self._checked, [], 0
            self._turn.notify_all()
        return group

    def _write(self, group: list[_Checked]) -> None:
        letters = [found for each in group for found in each.letters]
        submissions = [each.submission for each in group]
        try:
            # Events first: when a store fails and all comes again, letters would be kept twice, while events
            # that are sent again are known.
            started = monotonic()
            written = self._writer.write([event for each in group for event in each.events])
            self._add_refused(group, written.refused, letters)
            self._dead_letters.write(letters)
        except Exception as error:  # noqa: BLE001 - whoever waits must hear of it, and the thread must go on
            self._fail(submissions, error)
            return
        with self._lock:
            self._let_go(submissions)
            self._write_s.append(monotonic() - started)
            self._dead.update(each.reason for each in letters)
        self._answer(group, written.repeated)

    def _check(self, submission: _Submission) -> _Checked:
        checked = _Checked(submission=submission, events=[], refused=[], letters=[])
        try:
            self._sort(submission, checked)
        except Exception as error:  # noqa: BLE001 - as for `_write`
            return _Checked(submission=submission, events=[], refused=[], letters=[], error=error)
        return checked

    def _sort(self, submission: _Submission, checked: _Checked) -> None:
        """Put the lines of a submission to the events or to the refused."""
        namespace, ids = submission.namespace, submission.ids
        if ids is None:
            submission.lines, ids = unwrapped(submission.lines)
        # A sender that comes again comes from another port.
        name = self._naming.of(f"{submission.source.rpartition(':')[0]} {namespace or ''}")
        for index, line in enumerate(submission.lines):
            try:
                event = self._validate(line, name if ids is None else _given(ids, index, name))
                checked.events.append(event if namespace is None else scoped(event, namespace))
            except InvalidEventError as error:
                refusal = Refusal(index=index, reason=error.reason, detail=str(error))
                checked.refused.append(refusal)
                if error.reason != WRONG_NAMESPACE:
                    checked.letters.append(self._letter(submission, refusal))

    def _letter(self, submission: _Submission, refusal: Refusal) -> DeadLetter:
        return letter(
            submission.lines[refusal.index],
            reason=refusal.reason,
            detail=refusal.detail,
            source=submission.source,
            namespace=submission.namespace,
            clock=self._clock,
        )

    def _add_refused(
        self, checked: list[_Checked], refused: Sequence[Refused], letters: list[DeadLetter]
    ) -> None:
        """Count what the store refused as refused, and make its letters."""
        start = 0
        for each in checked:
            mine = [it for it in refused if start <= it.place < start + len(each.events)] if refused else ()
            if mine:
                valid = _valid_lines(each)
                found = [
                    Refusal(index=valid[it.place - start], reason=it.reason, detail=it.detail) for it in mine
                ]
                letters += [self._letter(each.submission, refusal) for refusal in found]
                each.refused = sorted([*each.refused, *found], key=lambda refusal: refusal.index)
                each.kept_out = len(found)
            start += len(each.events)

    def _answer(self, checked: list[_Checked], repeated: Sequence[int]) -> None:
        end = 0
        for each in checked:
            start, end = end, end + len(each.events)
            duplicates = bisect_left(repeated, end) - bisect_left(repeated, start)
            receipt = Receipt(
                received=len(each.submission.lines),
                stored=len(each.events) - duplicates - each.kept_out,
                duplicates=duplicates,
                wrong_namespace=sum(refusal.reason == WRONG_NAMESPACE for refusal in each.refused),
                refused=tuple(each.refused),
            )
            if each.submission.is_counted:
                self._count(receipt)
            each.submission.receipt.set_result(receipt)

    def _count(self, receipt: Receipt) -> None:
        with self._lock:
            self._counts.update(
                received=receipt.received,
                stored=receipt.stored,
                duplicates=receipt.duplicates,
                wrong_namespace=receipt.wrong_namespace,
            )

    def _let_go(self, group: list[_Submission]) -> None:
        """Count a group as waiting no longer; the lock is held."""
        self._bytes_waiting -= sum(each.size for each in group)
        for _ in group:
            self._came_at.popleft()

    def _fail(self, group: list[_Submission], error: Exception) -> None:
        told = error if isinstance(error, MlmonError) else StoreError(f"The store failed: {error!r}.")
        with self._lock:
            self._let_go(group)
            self._counts["failed"] += sum(len(each.lines) for each in group if each.is_counted)
        for each in group:
            each.receipt.set_exception(told)


def _given(ids: Ids, index: int, name: Name) -> Name:
    """The name of one line as its source gives it, or else as any other's."""
    return lambda line, is_dated: ids(index) or name(line, is_dated)


def _valid_lines(checked: _Checked) -> list[int]:
    """The lines of a submission that became events, in the order of these."""
    refused = {refusal.index for refusal in checked.refused}
    return [index for index in range(len(checked.submission.lines)) if index not in refused]
