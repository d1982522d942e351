"""One pass of the jobs in a process of its own: `python _pass.py STORE NAMESPACE NOW_NS`, told as JSON.

Not a part of the runner's process, so that the highest size it tells is that of the pass alone.
"""

import json
import re
import sys
import time
from pathlib import Path

from mlmon.analyzers import jobs
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.store import Store


def main(url: str, namespace: str, now_ns: str) -> None:
    """Run the pass, and print its seconds, its megabytes, and what it did."""
    store, now = opened(url, namespace), int(now_ns)
    started = time.perf_counter()
    done = jobs.run_once(store, Config(analyze=AnalyzeConfig(windows=("1d",))), clock=_Clock(now))
    seconds = time.perf_counter() - started
    store.close()
    # Not getrusage: what it calls the highest size of a process includes that of the one that started it.
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    told = {"seconds": seconds, "megabytes": int(found[1]) / 1024, "joined": done.outcomes.joined}
    sys.stdout.write(json.dumps(told | {"metrics": done.metrics, "stages": done.seconds}))


class _Clock:
    """Begins at a moment and runs as fast as the machine's, so that the stages are timed."""

    def __init__(self, now_ns: int) -> None:
        self._ahead = now_ns - time.perf_counter_ns()

    def __call__(self) -> int:
        return self._ahead + time.perf_counter_ns()


def opened(url: str, namespace: str) -> Store:
    """The store of a folder, or of a cluster's address."""
    if "://" not in url:
        from mlmon.stores import embedded  # noqa: PLC0415 - one store in a process, so that its size is of one

        return embedded.open_store(Path(url))
    from mlmon.stores import elasticsearch, opensearch  # noqa: PLC0415 - as above
    from mlmon.stores.search.access import Access  # noqa: PLC0415 - as above

    module = opensearch if url.startswith("opensearch") else elasticsearch
    store: Store = module.open_store(Access(url=url), namespace=namespace)
    return store


if __name__ == "__main__":
    main(*sys.argv[1:])
