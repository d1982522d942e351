"""A pass of the jobs over 10,000 new events in Elasticsearch, against the first over all."""

import _cluster

NAME = "cluster_again"
PEER = "the first pass over all events"
GOAL = 0.05


def run() -> tuple[float, str]:
    """State what the new events touch; each pass in a process of its own."""
    passes = _cluster.in_cluster()
    note = (
        f"after {2 * _cluster.NEW:,} new events {passes.second.seconds:.2f} s; "
        f"{passes.first.seconds:.1f} s over the {2 * _cluster.INFERENCES:,} before"
    )
    return passes.second.seconds / passes.first.seconds, note
