"""What writing to Elasticsearch costs the writer's own process."""

import importlib.util
from pathlib import Path
from types import ModuleType

NAME = "bulk_cpu"
PEER = "elasticsearch's helpers.bulk with orjson"
GOAL = 0.2


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
    mine, peer = shared.against(lambda: shared.theirs(with_orjson=True))
    note = f"{1 / mine.seconds:,.0f} events/s against {1 / peer.seconds:,.0f}"
    cpu = f"{mine.cpu_s * 1e6:.1f} us of the writer's CPU an event against {peer.cpu_s * 1e6:.1f}"
    return mine.cpu_s / peer.cpu_s, f"{shared.EVENTS:,} events to one server: {note}; {cpu}"
