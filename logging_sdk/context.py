"""What a line inherits from where it is logged: the active inference and the trace of the request."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, Final, NamedTuple

_TRACEPARENT: Final = re.compile(r"[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}.*")


class Trace(NamedTuple):
    """A W3C trace id (32 hex digits) and span id (16), the latter None where only the trace is known."""

    trace_id: str
    span_id: str | None = None


class Scope(NamedTuple):
    """What is active: an inference's id, None outside of one, and its trace."""

    inference_id: str | None
    trace: Trace | None


active: Final[ContextVar[Scope | None]] = ContextVar("mlmon_active", default=None)
"""The scope of the running task or thread."""

_scope: Final = active.get
_modules: Final = sys.modules
_OPENTELEMETRY: Final = "opentelemetry.trace"


def leave(token: Token[Scope | None] | None) -> None:
    """End the scope entered with a token, also where a framework ends the block in another context."""
    try:
        active.reset(token)  # type: ignore[arg-type]
    except (ValueError, TypeError):  # of another context, or never entered
        active.set(None)


def parse_traceparent(header: str | None) -> Trace | None:
    """The trace of a W3C `traceparent` header; None where there is none or it is not valid.

    >>> parse_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").span_id
    '00f067aa0ba902b7'
    """
    match = _TRACEPARENT.fullmatch(header.strip().lower()) if isinstance(header, str) else None
    return Trace(match[1], match[2]) if match else None


def current_trace() -> Trace | None:
    """The trace of the active scope, else of OpenTelemetry's current span where the host has loaded it."""
    scope = _scope()
    if scope is not None and scope.trace is not None:
        return scope.trace
    return _span_of(_modules[_OPENTELEMETRY]) if _OPENTELEMETRY in _modules else None


def _span_of(api: Any) -> Trace | None:  # noqa: ANN401 - the host's module
    try:
        span = api.get_current_span().get_span_context()
        return Trace(f"{span.trace_id:032x}", f"{span.span_id:016x}") if span.is_valid else None
    except Exception:  # noqa: BLE001 - it may be half imported by another thread, or not what it is by itself
        return None


@contextmanager
def tracing(traceparent: str | None) -> Iterator[None]:
    """Give everything logged within the trace of a request, by its W3C `traceparent` header.

    A header that is missing or not valid changes nothing. Safe for threads and tasks, each has its own.
    """
    trace = parse_traceparent(traceparent)
    if trace is None:
        yield
        return
    token = active.set(Scope(None, trace))
    try:
        yield
    finally:
        active.reset(token)
