"""A full pass of the jobs over events in Elasticsearch, against one over a folder of the same events."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

NAME = "cluster_analysis"
PEER = "the same pass over the embedded store"
GOAL = 10.0


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
    """Join, state and store, both from the first event on; each pass in a process of its own."""
    shared = _shared()
    cluster, folder = shared.in_cluster().first, shared.in_folder().first
    note = (
        f"{shared.INFERENCES:,} inferences and as many outcomes: {cluster.seconds:.1f} s "
        f"against {folder.seconds:.1f} s"
    )
    return cluster.seconds / folder.seconds, note
