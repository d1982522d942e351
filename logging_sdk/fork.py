"""A forked child begins anew: its parent ships what the parent has queued, and numbers go on there."""

from __future__ import annotations

import os
from typing import Final, Protocol
from weakref import WeakSet


class Renewable(Protocol):
    """Something that a child process must not share with its parent."""

    def begin_anew(self) -> None:
        """Start from nothing, with locks of its own."""


_renewables: Final[WeakSet[Renewable]] = WeakSet()


def renew_in_child(thing: Renewable) -> None:
    """Have it begin anew in each forked child, as long as somebody holds it."""
    _renewables.add(thing)


def _renew_all() -> None:
    for thing in list(_renewables):
        thing.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
