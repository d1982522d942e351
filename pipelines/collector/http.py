"""The http door: NDJSON, a JSON array or one JSON object in, an answer after the durable write."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final

import msgspec
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from mlmon.core.errors import MlmonError
from mlmon.pipelines.pipeline import BusyError, Pipeline, Receipt

EVENTS_PATH: Final = "/v1/events"
MOST_ERRORS_SHOWN: Final = 20
MOST_LINES: Final = 200_000
"""Every line costs memory beside its bytes, most of all one that is refused."""
RETRY_AFTER_S: Final = 1
_array: Final = msgspec.json.Decoder(list[msgspec.Raw])


class _RefusedError(MlmonError):
    """A request that is answered with a status and one paragraph."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def app(pipeline: Pipeline, *, max_batch_bytes: int) -> Starlette:
    """The application of the door."""

    async def events(request: Request) -> Response:
        try:
            body = await _body(request, max_batch_bytes)
            peer = f"{request.client.host}:{request.client.port}" if request.client else "unknown"
            receipt = await asyncio.wrap_future(pipeline.submit(_few(_lines(body)), f"http {peer}"))
        except ClientDisconnect:
            return Response(status_code=400)
        except _RefusedError as error:
            return _answer({"error": str(error)}, error.status)
        except BusyError as error:
            return _answer({"error": str(error)}, 429, retry=True)
        except MlmonError as error:
            return _answer({"error": str(error)}, 503, retry=True)
        return _answer(_told(receipt))

    async def status(_request: Request) -> Response:
        return _answer(msgspec.to_builtins(pipeline.counters()))

    async def health(_request: Request) -> Response:
        return _answer({"status": "ok"})

    return Starlette(
        routes=[
            Route(EVENTS_PATH, events, methods=["POST"]),
            Route("/v1/status", status),
            Route("/health", health),
        ]
    )


def _answer(content: Any, status: int = 200, *, retry: bool = False) -> Response:  # noqa: ANN401 - any JSON
    headers = {"Retry-After": str(RETRY_AFTER_S)} if retry else None
    return Response(msgspec.json.encode(content), status, headers, media_type="application/json")


def _told(receipt: Receipt) -> dict[str, Any]:
    return {
        "received": receipt.received,
        "stored": receipt.stored,
        "duplicates": receipt.duplicates,
        "dead_lettered": receipt.dead_lettered,
        "wrong_namespace": receipt.wrong_namespace,
        "errors": msgspec.to_builtins(receipt.refused[:MOST_ERRORS_SHOWN]),
    }


async def _body(request: Request, limit: int) -> bytes:
    """The body, unpacked, as long as it keeps within the limit at every step."""
    unpack = _Unpacker(request.headers.get("content-encoding", "identity").strip().lower(), limit)
    parts: list[bytes] = []
    size = 0
    stream = request.stream()
    async for chunk in stream:
        part = unpack(chunk)
        size += len(part)
        if size > limit:
            await _pass_over(stream, limit)
            raise _RefusedError(
                413, f"The request is over {limit} bytes (collector.max_batch_bytes). Send smaller batches."
            )
        parts.append(part)
    unpack.finish()
    return b"".join(parts)


async def _pass_over(stream: AsyncIterator[bytes], most: int) -> None:
    """Read as much again: most senders look for an answer only when they have sent everything."""
    async for chunk in stream:
        most -= len(chunk)
        if most < 0:
            return


class _Unpacker:
    def __init__(self, encoding: str, limit: int) -> None:
        if encoding not in ("identity", "gzip", ""):
            raise _RefusedError(415, f"Content-Encoding '{encoding}' is not understood. Send gzip or none.")
        self._gzip = _gunzip() if encoding == "gzip" else None
        self._limit = limit

    def __call__(self, chunk: bytes) -> bytes:
        if self._gzip is None:
            return chunk
        try:
            # One byte over the limit is enough to know that it is over.
            plain = self._gzip.decompress(chunk, self._limit + 1)
            while self._gzip.eof and (more := self._gzip.unused_data) and len(plain) <= self._limit:
                self._gzip = _gunzip()  # gzip files may be joined, and are one then
                plain += self._gzip.decompress(more, self._limit + 1)
        except zlib.error as error:
            raise _RefusedError(400, f"The body is no gzip: {error}. Check Content-Encoding.") from None
        return plain

    def finish(self) -> None:
        if self._gzip is not None and not self._gzip.eof:
            raise _RefusedError(400, "The gzip body is cut off. Send it again, whole.")


def _gunzip() -> zlib._Decompress:
    return zlib.decompressobj(wbits=31)


def _lines(body: bytes) -> Sequence[bytes]:
    """The records of a body; a line that is broken is still a line, and finds its reason later."""
    stripped = body.strip()
    if stripped.startswith(b"["):
        try:
            return [bytes(raw) for raw in _array.decode(stripped)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            raise _RefusedError(
                400, f"The body begins as a JSON array and is none: {error}. Or send NDJSON."
            ) from None
    if stripped.startswith(b"{") and _is_one_object(stripped):
        return [stripped]
    return [line for line in stripped.split(b"\n") if line.strip()]


def _few(lines: Sequence[bytes]) -> Sequence[bytes]:
    if len(lines) > MOST_LINES:
        raise _RefusedError(
            413, f"The request has {len(lines)} lines; at most {MOST_LINES} are taken at once."
        )
    return lines


def _is_one_object(body: bytes) -> bool:
    """Whether a body of several lines is one object, printed prettily."""
    first, found, _ = body.partition(b"\n")
    if not found or first.rstrip().endswith(b"}"):
        return not found
    try:
        msgspec.json.decode(body, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True
