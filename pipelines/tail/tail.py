"""Follows log files into the pipeline: reads, hands over, waits until it is durable, then moves the places.

Polling, five times a second: it works on every file system, and what changed is told by one `stat` a file.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic
from typing import Final

from msgspec import Struct

from mlmon.core import clock as clocks
from mlmon.core.clock import Clock
from mlmon.core.errors import StoreError, UsageError, WireError
from mlmon.pipelines.pipeline import BusyError, Pipeline, Receipt
from mlmon.pipelines.tail.cut import Cut
from mlmon.pipelines.tail.files import LINGER_S, Files
from mlmon.pipelines.tail.follow import CHUNK_BYTES, Follower
from mlmon.pipelines.tail.offsets import Offsets
from mlmon.pipelines.tail.place import Place

PAUSE_S: Final = 0.2
_TOGETHER_BYTES: Final = 8 * CHUNK_BYTES
_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 5.0
_log: Final = logging.getLogger("mlmon.collector")


class Counters(Struct, frozen=True, kw_only=True):
    """How far it is. `waiting_bytes` are there to be read, or read and not durable yet."""

    files: int = 0
    lines: int = 0
    read_bytes: int = 0
    waiting_bytes: int = 0


class _Batch(Struct, kw_only=True):
    follower: Follower
    cut: Cut
    place: Place


class Tail:
    """Follows the files that patterns name. `run` is for one thread; `counters` for any."""

    def __init__(
        self,
        patterns: Sequence[str],
        pipeline: Pipeline,
        offsets: Offsets,
        *,
        max_line_bytes: int,
        clock: Clock = clocks.system,
        linger_s: float = LINGER_S,
    ) -> None:
        """Go on from the offsets; a line over the limit is cut to one byte more, and dead-lettered so.

        Raises:
            StoreError: the offsets cannot be read.

        """
        self._pipeline = pipeline
        self._offsets = offsets
        self._files = Files(
            patterns, offsets.load(), max_line_bytes=max_line_bytes, clock=clock, linger_s=linger_s
        )
        self._batches: list[_Batch] = []  # those that were read; they wait where the places cannot be kept
        self._turn = 0
        self._lines = 0
        self._read_bytes = 0
        self.counters = Counters()

    def run(self, stop: Event) -> None:
        """Follow until told to stop. What is not durable by then is read again next time."""
        wait_s = _FIRST_WAIT_S
        while not stop.is_set():
            started = monotonic()
            try:
                is_behind = self.round(stop)
                wait_s = _FIRST_WAIT_S
            except (StoreError, OSError) as error:
                _log.warning("Files are not followed for now: %s", error)
                stop.wait(wait_s)
                wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
                continue
            if not is_behind:
                # Many files in a slow folder must not keep a processor busy with looking at them.
                stop.wait(max(PAUSE_S, 4 * (monotonic() - started)))

    def round(self, stop: Event) -> bool:
        """Look, read, store; says whether there is more to read at once.

        Raises:
            StoreError: the places could not be kept.

        """
        self._files.look()
        self._batches = self._batches or list(self._read())
        if self._files.is_changed:
            # The name of a file, and how it begins, must be kept before a line is stored under that name.
            self._save()
        batches, self._batches = self._batches, []
        if self._store(batches, stop):
            self._move(batches)
        followers = list(self._files.followers.values())
        self._count(followers)
        return any(it.is_behind for it in followers)

    def close(self) -> None:
        """Keep the places, close the files, and let another process follow them."""
        try:
            self._files.close()
            self._save()
        except StoreError as error:
            _log.warning("%s", error)
        finally:
            self._offsets.close()

    def _read(self) -> Iterator[_Batch]:
        """Lines of one file after another, up to a size; next time it begins with the next file."""
        followers = list(self._files.followers.values())
        self._turn = self._turn % len(followers) if followers else 0
        left = _TOGETHER_BYTES
        for follower in followers[self._turn :] + followers[: self._turn]:
            if left <= 0:
                return
            self._turn += 1
            cut = self._cut(follower)
            if self._files.followers.get(follower.place.key) is not follower:
                continue
            if cut is not None:
                left -= cut.end - follower.place.offset
                place = follower.after(cut)
                if not follower.place.has_bytes:
                    self._files.begin(follower, place)
                yield _Batch(follower=follower, cut=cut, place=place)
            else:
                self._files.rest(follower)

    def _cut(self, follower: Follower) -> Cut | None:
        try:
            cut = follower.read()
        except OSError as error:
            self._files.fail(follower, error)
            return None
        if follower.is_rewritten:
            self._files.settle(follower)
            return None
        if cut is None and follower.is_amid_line and not self._files.is_there(follower):
            return follower.finish() if follower.idle_s >= self._files.linger_s else None
        return cut

    def _store(self, batches: Sequence[_Batch], stop: Event) -> bool:
        """Hand everything over and wait; says whether all of it is durable."""
        if not batches:
            return False
        waiting = [self._submitted(batch, stop) for batch in batches]
        return all(
            self._is_durable(receipt, batch, stop) for receipt, batch in zip(waiting, batches, strict=True)
        )

    def _submitted(self, batch: _Batch, stop: Event) -> Future[Receipt] | None:
        """Hand lines over, however often they are turned away; None where it is time to stop."""
        name, starts = batch.place.name, batch.cut.starts
        wait_s = _FIRST_WAIT_S
        while True:
            try:
                return self._pipeline.submit(
                    batch.cut.lines,
                    f"tail {batch.place.path}",
                    ids=lambda index: f"tail.{name}-{starts[index]}",
                )
            except BusyError:
                pass
            except WireError:
                return None
            if stop.wait(wait_s):
                return None
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)

    def _is_durable(self, receipt: Future[Receipt] | None, batch: _Batch, stop: Event) -> bool:
        wait_s = _FIRST_WAIT_S
        while receipt is not None:
            try:
                receipt.result()
            except StoreError as error:
                _log.warning("%s waits: %s", batch.place.path, error)
            else:
                return True
            if stop.wait(wait_s):
                return False
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
            receipt = self._submitted(batch, stop)
        return False

    def _move(self, batches: Sequence[_Batch]) -> None:
        for batch in batches:
            self._lines += len(batch.cut.lines)
            self._read_bytes += batch.place.offset - batch.follower.place.offset
            batch.follower.place = batch.place
        self._save()

    def _save(self) -> None:
        self._offsets.save(self._files.places())
        self._files.is_changed = False

    def _count(self, followers: Sequence[Follower]) -> None:
        self.counters = Counters(
            files=len(followers),
            lines=self._lines,
            read_bytes=self._read_bytes,
            waiting_bytes=sum(max(it.size - it.place.offset, 0) for it in followers),
        )


@contextmanager
def following(
    patterns: Sequence[str], pipeline: Pipeline, folder: Path, *, max_line_bytes: int
) -> Iterator[Tail | None]:
    """Follow files on a thread while the block runs; None where there is no pattern.

    The places are kept in `folder`. At the end what was handed over is waited for.

    Raises:
        UsageError: a pattern names a folder, a pipe or a device.
        StoreLockedError: another process follows files for the folder.
        StoreError: the places cannot be read.

    """
    if not patterns:
        yield None
        return
    _check(patterns)
    offsets = Offsets(folder)
    try:
        tail = Tail(patterns, pipeline, offsets, max_line_bytes=max_line_bytes)
    except BaseException:
        offsets.close()
        raise
    stop = Event()
    thread = Thread(target=tail.run, args=(stop,), name="mlmon-tail", daemon=True)
    thread.start()
    try:
        yield tail
    finally:
        stop.set()
        thread.join()
        tail.close()


def _check(patterns: Sequence[str]) -> None:
    for pattern in patterns:
        path = Path(pattern)
        if not pattern or path.is_dir():
            raise UsageError(
                f"'{pattern}' cannot be followed: it is no file. Name files, such as {path / '*.log'}."
            )
        if path.exists() and not path.is_file():
            raise UsageError(
                f"'{pattern}' cannot be followed: it is a pipe or a device, which keeps no lines that could "
                "be read again after a restart. Write them into a file, and follow that."
            )
