"""The one error tree.

A message is one paragraph that says what failed, with which value, what is allowed, and what to do.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class MlmonError(Exception):
    """Whatever mlmon tells a person; the command line prints it without a traceback."""


class UsageError(MlmonError):
    """A call, an option or a setting that cannot be meant."""


class ConfigError(UsageError):
    """A configuration file, variable or flag that is wrong."""


class QueryError(UsageError):
    """A question that no store could answer, such as the mean of a keyword."""


class MissingExtraError(UsageError):
    """A package of an optional extra is not installed."""

    def __init__(self, package: str, extra: str) -> None:
        """Say which `pip install` brings the package."""
        super().__init__(f"{package} is not installed. Install it with: pip install 'mlmon[{extra}]'")


class InvalidEventError(MlmonError):
    """A record that is no event; `reason` is a short stable code, the message says the rest."""

    def __init__(self, reason: str, detail: str) -> None:
        """Keep the reason for grouping and the detail for reading."""
        super().__init__(detail)
        self.reason = reason


class StoreError(MlmonError):
    """A store that could not do what was asked."""


class StoreUnreachableError(StoreError):
    """A store that is not there, or not readable."""


class StoreLockedError(StoreError):
    """Another process writes to the same part of an embedded store."""


class StoreVersionError(StoreError):
    """A store folder that a newer mlmon wrote."""


class StoreFullError(StoreError):
    """The disk under the store is full; nothing of the batch was kept."""


class WireError(MlmonError):
    """A port in use, or a peer that cannot be reached or understood."""


def nearest(word: str, allowed: Iterable[str]) -> str:
    """A hint that names the closest allowed word, or nothing.

    >>> nearest("windwo", ["window", "store"])
    " Did you mean 'window'?"
    >>> nearest("x", ["window"])
    ''
    """
    known = {each.lower(): each for each in allowed}
    close = get_close_matches(word.lower(), list(known), n=1)
    return f" Did you mean '{known[close[0]]}'?" if close else ""
