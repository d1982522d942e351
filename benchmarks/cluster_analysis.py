"""A full pass of the jobs over events in Elasticsearch, against one over a folder of the same events."""

import _cluster

NAME = "cluster_analysis"
PEER = "the same pass over the embedded store"
GOAL = 10.0


def run() -> tuple[float, str]:
    """Join, state and store, both from the first event on; each pass in a process of its own."""
    cluster, folder = _cluster.in_cluster().first, _cluster.in_folder().first
    note = (
        f"{_cluster.INFERENCES:,} inferences and as many outcomes: {cluster.seconds:.1f} s "
        f"against {folder.seconds:.1f} s"
    )
    return cluster.seconds / folder.seconds, note
