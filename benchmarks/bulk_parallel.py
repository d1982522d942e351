"""Writing events to Elasticsearch in bulk, 1.3 times as fast as the client's own parallel way."""

import _bulk

NAME = "bulk_parallel"
PEER = "elasticsearch's parallel_bulk with two threads"
GOAL = 0.77


def run() -> tuple[float, str]:
    """Write the same events both ways to one server."""
    mine, peer = _bulk.against(lambda: _bulk.theirs(threads=2))
    note = f"{1 / mine.seconds:,.0f} events/s against {1 / peer.seconds:,.0f}"
    cpu = f"{mine.cpu_s * 1e6:.1f} us of the writer's CPU an event against {peer.cpu_s * 1e6:.1f}"
    return mine.seconds / peer.seconds, f"{_bulk.EVENTS:,} events to one server: {note}; {cpu}"
