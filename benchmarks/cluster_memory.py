"""The most memory a process takes for a full pass over events in Elasticsearch."""

import _cluster

NAME = "cluster_memory"
PEER = "a limit of 300 MB"
GOAL = 1.0
LIMIT_MB = 300.0


def run() -> tuple[float, str]:
    """The highest resident size of the process of the first pass."""
    first = _cluster.in_cluster().first
    note = f"{2 * _cluster.INFERENCES:,} events, {first.metrics:,} metrics: {first.megabytes:.0f} MB"
    return first.megabytes / LIMIT_MB, note
