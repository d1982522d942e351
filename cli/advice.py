"""What to do about what a part counted, by the reason it counted it under."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_DROPPED: Final = {
    "spool_full": (
        "the queue was full",
        "See that the collector is there and quick. A disk holds more: MLMON_LOG_SPOOL=/var/spool/mlmon.",
    ),
    "spool_expired": (
        "they had waited for too long",
        "The collector was out of reach for days. See to it, or ship to a second one: ship=[URL, URL].",
    ),
    "spool_damaged": ("the spool on disk was damaged", "Look at the disk of the service's host."),
    "unsent_at_close": (
        "the process ended before they were sent",
        "Give the logger a spool on disk, which the next process sends: MLMON_LOG_SPOOL=/var/spool/mlmon.",
    ),
    "logged_after_close": (
        "they were logged after close()",
        "Close the logger last, when nothing logs any more, or leave it to the exit of the process.",
    ),
    "wrong_namespace": (
        "the key is for another namespace",
        "Let the service name no namespace, or give it a key of the one it names: mlmon keys create.",
    ),
    "http_413": (
        "one alone was too large for the collector",
        "Log less in one event, or raise collector.max_batch_bytes.",
    ),
}
_REFUSED: Final = {
    "key_missing": ("without a key", "Make one: mlmon keys create --namespace NAME, for MLMON_LOG_KEY."),
    "key_unknown": (
        "with a key that is not known",
        "Compare MLMON_LOG_KEY of the services with: mlmon keys list.",
    ),
    "key_revoked": ("with a key that was revoked", "Give that service a new one: mlmon keys create."),
    "wrong_namespace": (
        "for a namespace that the key is not for",
        "Let the service name no namespace, or give it a key of the one it names.",
    ),
    "too_many_connections": (
        "because too many were open",
        "Raise collector.max_connections, or share the senders among several collectors.",
    ),
    "slow": (
        "because the sender stopped amid a message",
        "Look at the network, or allow more time: collector.slow_after.",
    ),
    "handshake": (
        "because TLS could not be agreed on",
        "Compare certificates and ship URLs: https, not http.",
    ),
}
_OTHERWISE: Final = "Read the warnings of mlmon.logging_sdk in the service's own log."


def dropped(reason: str) -> tuple[str, str]:
    """Why a producer dropped events, in words, and what to change.

    >>> dropped("http_500")[0]
    'the other side answered 500'
    """
    if reason.startswith("http_") and reason not in _DROPPED:
        status = reason.removeprefix("http_")
        return f"the other side answered {status}", "Check the URL that the service ships to."
    return _of(_DROPPED, reason)


def refused(reason: str) -> tuple[str, str]:
    """Why a collector let something not in, in words, and what to change."""
    return _of(_REFUSED, reason)


def _of(table: Mapping[str, tuple[str, str]], reason: str) -> tuple[str, str]:
    return table.get(reason, (reason.replace("_", " "), _OTHERWISE))
