"""What the benchmarks of the SDK share: the record of 21 fields, a sink that takes all, and timed calls."""

from collections.abc import Callable, Sequence
from time import perf_counter_ns
from typing import Any

from mlmon.logging_sdk.transport import Receipt

FEATURES = {f"feature_{index:02d}": index * 1.2345678901 + 0.1 for index in range(12)}
RECORD = {
    **FEATURES,
    "model": "flight-delay",
    "version": "2013.03",
    "trace": "0af7651916cd43dd8448eb211c80319c",
    "id": "0af7651916cd43dd8448eb211c80319d",
    "prediction": "late",
    "label": "on_time",
    "probability": 0.8123456,
    "latency": 1.23456,
    "event": "inference",
}
PREDICTED: dict[str, Any] = {"label": "late", "score": 0.8123456, "duration_ns": 1_234_560}


class Sink:
    """Takes everything at once, so that the shipping thread runs and delivers."""

    is_acknowledged = True

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Join the batch, as a wire would."""
        b"\n".join(records)
        return Receipt()

    def close(self) -> None:
        """Nothing to free."""


def timed(call: Callable[[], object], calls: int) -> list[int]:
    """The nanoseconds of each call."""
    taken = []
    for _ in range(calls):
        started = perf_counter_ns()
        call()
        taken.append(perf_counter_ns() - started)
    return taken


def tail_us(taken: list[int]) -> float:
    """The microseconds that 999 calls of 1000 stay within."""
    return sorted(taken)[len(taken) * 999 // 1000] / 1000
