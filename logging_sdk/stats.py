"""What became of the events of one logger, in numbers."""

from __future__ import annotations

from msgspec import Struct


class Stats(Struct, frozen=True, kw_only=True):
    """Counts since the logger was made, or since the process was forked.

    `emitted` events have a sequence number; each is `queued`, `sent` or `dropped`, by reason. So is
    each of the `adopted`, which a dead process left in its spool on disk. A sent event is `acknowledged`
    where the wire can say so, and `dead_lettered` where the collector kept it aside.
    `sampled_out` events never were emitted. `misused` counts calls that could not be meant.
    """

    emitted: int
    sampled_out: int
    queued: int
    sent: int
    acknowledged: int
    dead_lettered: int
    dropped: dict[str, int]
    retries: int
    misused: int
    adopted: int = 0
