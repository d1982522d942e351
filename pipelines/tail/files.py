"""All files that are followed: which there are, which are new, moved, copied, emptied or removed."""

from __future__ import annotations

import glob
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import Final

from msgspec import structs

from mlmon.core.clock import Clock
from mlmon.pipelines.tail import place as places
from mlmon.pipelines.tail import rotated
from mlmon.pipelines.tail.follow import Follower
from mlmon.pipelines.tail.place import Key, Place, key_of

LINGER_S: Final = 60.0
"""How long a file without news stays open. One that was moved away may still be written to that long."""
REMEMBERED_NS: Final = 24 * 3600 * 10**9
"""How long a file that is gone is known, should it come back."""
_COPYING_NS: Final = 5 * 10**9
_COARSE_NS: Final = 20 * 10**6
"""By how much the time of a write may lie before that of the clock when it was made."""
_SEEK_EVERY_S: Final = 10.0
_log: Final = logging.getLogger("mlmon.collector")


class Files:
    """The files that some patterns name, and where they went. For one thread."""

    def __init__(
        self,
        patterns: Sequence[str],
        known: Sequence[Place],
        *,
        max_line_bytes: int,
        clock: Clock,
        linger_s: float = LINGER_S,
    ) -> None:
        """Begin with the places that are known from last time."""
        self.followers: dict[Key, Follower] = {}
        self.is_changed = False
        self._patterns = patterns
        self._closed = {place.key: place for place in known if not place.gone_ns}
        self._gone = [place for place in known if place.gone_ns]
        self._max_line_bytes = max_line_bytes
        self._clock = clock
        self.linger_s: Final = linger_s
        # Files that were emptied and not read since, as they were then: what they hold may be moved on, too.
        self._unread: dict[Key, Place] = {}
        self._found: dict[Key, tuple[str, os.stat_result]] = {}
        self._complained: set[str] = set()
        self._seek_at = 0.0

    def places(self) -> list[Place]:
        """Every place, to be kept."""
        return [*(it.place for it in self.followers.values()), *self._closed.values(), *self._gone]

    def look(self) -> None:
        """See what the patterns name by now."""
        self._found = dict(self._matched())
        for key, (path, status) in self._found.items():
            if follower := self.followers.get(key):
                follower.size = status.st_size
                if follower.place.path != path:
                    follower.place = structs.replace(follower.place, path=path)
            elif not self._is_read(key, status):
                self._take(key, path, status)
        self._note_gone()
        self._seek()

    def settle(self, follower: Follower) -> None:
        """A followed file is another one now: go on with the old one where it is, and begin the new one."""
        old = follower.place
        self._drop(old.key)
        if not any(it.name == old.name for it in self.places()):
            self._gone.append(structs.replace(old, gone_ns=self._clock()))
            self._seek_at = 0.0
        start = places.new(old.path, old.key, modified_ns=self._clock())
        self._follow(old.path, start)
        self._unread[old.key] = start
        self._seek()

    def begin(self, follower: Follower, first: Place) -> None:
        """The first lines of a file were read: it is known by them; what it held before is followed, too."""
        begun_bytes = min(places.COMPARED_BYTES, first.offset)
        follower.place = structs.replace(follower.place, head=first.head, begun_bytes=begun_bytes)
        self.is_changed = True
        start = self._unread.pop(follower.place.key, None)
        if start is None:
            return
        start = structs.replace(start, modified_ns=start.modified_ns - _COARSE_NS)
        for path, status in rotated.younger(start, {it.key for it in self.places()}):
            if not follower.is_copied(path, first):
                self._begin(path, status, original=start.path)

    def rest(self, follower: Follower) -> None:
        """Close a file that has no news for so long."""
        if follower.idle_s < self.linger_s or follower.is_behind:
            return
        key = follower.place.key
        if key in self._found:
            if not follower.is_amid_line:
                self._closed[key] = self.followers.pop(key).close()
                self.is_changed = True
        else:
            left = self._drop(key)
            self._gone.append(structs.replace(left, gone_ns=self._clock(), is_done=True))

    def fail(self, follower: Follower, error: OSError) -> None:
        """Close a file that cannot be read; it is tried again with the next look, from its place."""
        self._complain(follower.place.path, error)
        key = follower.place.key
        self._closed[key] = structs.replace(self._drop(key), modified_ns=0)

    def is_there(self, follower: Follower) -> bool:
        """Whether the patterns name the file."""
        return follower.place.key in self._found

    def close(self) -> None:
        """Close all files."""
        for key in list(self.followers):
            self._closed[key] = self.followers.pop(key).close()

    def _matched(self) -> Iterator[tuple[Key, tuple[str, os.stat_result]]]:
        for pattern in self._patterns:
            for path in sorted(glob.glob(pattern, recursive=True)):  # noqa: PTH207 - names are kept as given
                try:
                    status = os.stat(path)  # noqa: PTH116 - as above
                except OSError:
                    continue
                if stat.S_ISREG(status.st_mode):
                    yield key_of(status), (path, status)

    def _is_read(self, key: Key, status: os.stat_result) -> bool:
        """Whether a closed file is as it was when it was closed."""
        place = self._closed.get(key)
        was = place and (place.offset, place.modified_ns)
        return was == (status.st_size, status.st_mtime_ns)

    def _take(self, key: Key, path: str, status: os.stat_result) -> None:
        """Follow a file from where it was left, or from its start where it is new."""
        known = self._closed.pop(key, None) or next((it for it in self._gone if it.key == key), None)
        if known is not None and not known.has_bytes:
            self._unread[key] = known
        if known is not None and self._follow(
            path, structs.replace(known, path=path, gone_ns=0, is_done=False)
        ):
            self._gone = [it for it in self._gone if it is not known]
            return
        if known is not None and not known.gone_ns:
            if path in self._complained:
                self._closed[key] = known  # it may be readable again
                return
            self._gone.append(structs.replace(known, gone_ns=self._clock()))
        original = self._original(path, status)
        if original is None:
            self._begin(path, status)
        elif original.offset <= status.st_size:
            self._follow(
                path, structs.replace(original, path=path, device=key.device, inode=key.inode, gone_ns=0)
            )
            self._gone = [it for it in self._gone if it.name != original.name]
        # Else the copy is still being made, and is looked at again.

    def _original(self, path: str, status: os.stat_result) -> Place | None:
        """The place of the file that an unknown one is the copy of."""
        candidates = [it for it in self.places() if it.has_bytes and rotated.is_rotated(path, it.path)]
        if not candidates:
            return None
        is_young = self._clock() - status.st_mtime_ns < _COPYING_NS
        try:
            with rotated.opened(path) as descriptor:
                begins = os.pread(descriptor, places.COMPARED_BYTES, 0)
                for it in candidates:
                    if status.st_size >= it.offset:
                        if places.is_at(descriptor, it):
                            return it
                    elif is_young and it.key in self.followers and self.followers[it.key].begins(begins):
                        return it
        except OSError:
            return None
        return None

    def _begin(self, path: str, status: os.stat_result, *, original: str | None = None) -> None:
        """Follow a new file; a rotated one has the path of its original, by which it is found again."""
        self._follow(path, places.new(original or path, key_of(status), modified_ns=status.st_mtime_ns))

    def _follow(self, path: str, place: Place) -> bool:
        """Open a file at its place; says whether it is there, and the one that the place speaks of."""
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError as error:
            self._complain(path, error)
            return False
        try:
            is_it = key_of(os.fstat(descriptor)) == place.key and places.is_at(descriptor, place)
            follower = Follower(descriptor, place, max_line_bytes=self._max_line_bytes) if is_it else None
        except OSError as error:
            self._complain(path, error)
            follower = None
        else:
            self._complained.discard(path)
        if follower is None:
            os.close(descriptor)
            return False
        self.followers[place.key] = follower
        self.is_changed = True
        return True

    def _drop(self, key: Key) -> Place:
        self.is_changed = True
        self._unread.pop(key, None)
        return self.followers.pop(key).close()

    def _note_gone(self) -> None:
        now = self._clock()
        for key in [key for key in self._closed if key not in self._found]:
            self._gone.append(structs.replace(self._closed.pop(key), gone_ns=now))
            self._seek_at = 0.0
            self.is_changed = True
        kept = [it for it in self._gone if now - it.gone_ns < REMEMBERED_NS]
        self.is_changed = self.is_changed or len(kept) < len(self._gone)
        self._gone = kept

    def _seek(self) -> None:
        """Look for what was rotated away while nobody followed it."""
        if monotonic() < self._seek_at:
            return
        self._seek_at = monotonic() + _SEEK_EVERY_S
        for place in [it for it in self._gone if not it.is_done]:
            for path, status in rotated.younger(place, {it.key for it in self.places()}):
                if self._original(path, status) is None:
                    self._begin(path, status, original=place.path)
            if (found := rotated.find(place)) is not None:
                path, key = found
                # It keeps the path it had, by which it will be found again when it is moved once more.
                here = structs.replace(place, device=key.device, inode=key.inode, gone_ns=0)
                if key in self.followers or self._follow(path, here):
                    self._gone.remove(place)

    def _complain(self, path: str, error: OSError) -> None:
        if path not in self._complained:
            self._complained.add(path)
            _log.warning("%s cannot be read: %s. It is tried again.", path, error.strerror)
