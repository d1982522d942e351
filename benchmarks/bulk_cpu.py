"""What writing to Elasticsearch costs the writer's own process."""

import _bulk

NAME = "bulk_cpu"
PEER = "elasticsearch's helpers.bulk with orjson"
GOAL = 0.2


def run() -> tuple[float, str]:
    """Write the same events both ways to one server."""
    mine, peer = _bulk.against(lambda: _bulk.theirs(with_orjson=True))
    note = f"{1 / mine.seconds:,.0f} events/s against {1 / peer.seconds:,.0f}"
    cpu = f"{mine.cpu_s * 1e6:.1f} us of the writer's CPU an event against {peer.cpu_s * 1e6:.1f}"
    return mine.cpu_s / peer.cpu_s, f"{_bulk.EVENTS:,} events to one server: {note}; {cpu}"
