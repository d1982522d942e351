"""The most memory a process takes for a full pass over events in Elasticsearch."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "cluster_memory"
PEER = "a limit of 300 MB"
GOAL = 1.0
LIMIT_MB = 300.0


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
    """The highest resident size of the process of the first pass."""
    shared = _shared()
    first = shared.in_cluster().first
    note = f"{2 * shared.INFERENCES:,} events, {first.metrics:,} metrics: {first.megabytes:.0f} MB"
    return first.megabytes / LIMIT_MB, note
