"""Who is at the other end of a connection, as dead letters name it."""

from __future__ import annotations

from asyncio import StreamWriter


def peer_of(writer: StreamWriter) -> str:
    """Address and port of the peer."""
    peer = writer.get_extra_info("peername")
    return f"{peer[0]}:{peer[1]}" if peer else "unknown"
