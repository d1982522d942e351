"""A pass of the jobs over 10,000 new events in Elasticsearch, against the first over all."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "cluster_again"
PEER = "the first pass over all events"
GOAL = 0.05


def _shared() -> ModuleType:
    known = sys.modules.get("_cluster")
    if known is not None:
        return known
    spec = importlib.util.spec_from_file_location("_cluster", Path(__file__).with_name("_cluster.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules["_cluster"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run() -> tuple[float, str]:
    """State what the new events touch; each pass in a process of its own."""
    shared = _shared()
    passes = shared.in_cluster()
    note = (
        f"after {2 * shared.NEW:,} new events {passes.second.seconds:.2f} s; "
        f"{passes.first.seconds:.1f} s over the {2 * shared.INFERENCES:,} before"
    )
    return passes.second.seconds / passes.first.seconds, note
