"""Writing events to Elasticsearch in bulk, at most half the time of the client's own way."""

import _bulk

NAME = "bulk_write"
PEER = "elasticsearch's helpers.bulk with its defaults"
GOAL = 0.5


def run() -> tuple[float, str]:
    """Write the same events both ways to one server."""
    mine, peer = _bulk.against(_bulk.theirs)
    note = f"{1 / mine.seconds:,.0f} events/s against {1 / peer.seconds:,.0f}"
    cpu = f"{mine.cpu_s * 1e6:.1f} us of the writer's CPU an event against {peer.cpu_s * 1e6:.1f}"
    return mine.seconds / peer.seconds, f"{_bulk.EVENTS:,} events to one server: {note}; {cpu}"
