"""Writing events to Elasticsearch in bulk, 1.3 times as fast as the client's own parallel way."""

import importlib.util
from pathlib import Path
from types import ModuleType

NAME = "bulk_parallel"
PEER = "elasticsearch's parallel_bulk with two threads"
GOAL = 0.77


def _shared() -> ModuleType:
    spec = importlib.util.spec_from_file_location("_bulk", Path(__file__).with_name("_bulk.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run() -> tuple[float, str]:
    """Write the same events both ways to one server."""
    shared = _shared()
    mine, peer = shared.against(lambda: shared.theirs(threads=2))
    note = f"{1 / mine.seconds:,.0f} events/s against {1 / peer.seconds:,.0f}"
    cpu = f"{mine.cpu_s * 1e6:.1f} us of the writer's CPU an event against {peer.cpu_s * 1e6:.1f}"
    return mine.seconds / peer.seconds, f"{shared.EVENTS:,} events to one server: {note}; {cpu}"
