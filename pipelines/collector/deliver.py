"""Handing lines to the pipeline for senders that cannot be told to come back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

from mlmon.core.errors import StoreError
from mlmon.pipelines.pipeline import BusyError, Pipeline, Receipt

_FIRST_WAIT_S: Final = 0.05
_LONGEST_WAIT_S: Final = 5.0
_log: Final = logging.getLogger("mlmon.collector")


async def deliver(pipeline: Pipeline, lines: Sequence[bytes], source: str) -> Receipt:
    """Submit until it is durable. While this waits the door does not read on, so the sender waits too.

    Raises:
        WireError: the pipeline is closed.

    """
    wait_s = _FIRST_WAIT_S
    while True:
        try:
            return await asyncio.wrap_future(pipeline.submit(lines, source))
        except (BusyError, StoreError) as error:
            if isinstance(error, StoreError):
                _log.warning("%s wait: %s", source, error)
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, _LONGEST_WAIT_S)
