"""An address that a person wrote, taken apart."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult | None:
    """The parts of a URL; None where it cannot be one, such as with a port that is no port.

    >>> parts_of("http://127.0.0.1:5959").port
    5959
    >>> parts_of("http://127.0.0.1:595900") is None
    True
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - it is looked at when it is asked for, and not before
    except ValueError:
        return None
    return parts
