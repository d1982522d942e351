"""How rare a number is among those that came before it, learnt as they come."""

from __future__ import annotations

import math
from copy import copy
from typing import Final

_CLIP: Final = 4.0
_START: Final = 2.0
_SHARE: Final = 0.02
_EXCESS: Final = 0.5
_LEAST_SHARE: Final = 0.004
_LEAST_EXCESS: Final = 0.2
"""However calm a series was: a long time without a surprise must not make the next small one an alarm."""

_PRIOR: Final = 10.0
_TAIL_CLIP: Final = 5.0
_TAIL_LIFE: Final = 1_000.0
_SLOWEST: Final = 0.02


class Usual:
    """The discounted mean and spread of a stream of numbers; what is far above is taken in clipped."""

    __slots__ = ("_least", "_mean", "_rate", "_seen", "_variance")

    def __init__(self, life: float, least: float) -> None:
        """Know nothing yet; after `life` numbers the older fade. The spread is taken as `least` at least."""
        self._mean = self._variance = 0.0
        self._rate, self._seen, self._least = 1 / life, 0, least

    def surprise(self, value: float) -> float:
        """How many standard deviations a number is above the usual."""
        return (value - self._mean) / max(math.sqrt(self._variance), self._least)

    def learn(self, value: float, *, clipped: bool) -> None:
        """Take a number in."""
        self._seen += 1
        rate = max(1 / self._seen, self._rate)
        most = self._mean + _CLIP * math.sqrt(self._variance) + 1e-3 if clipped else math.inf
        off = min(value, most) - self._mean
        self._mean += rate * off
        self._variance += rate * (off * off - self._variance)


class Tail:
    """How rare a surprise is: beyond 2 standard deviations they are taken to fall off exponentially.

    The share of those beyond and how far they go on average is learnt, so that a wild series needs more to
    surprise (peaks over threshold: Pickands 1975; on streams Siffer et al. 2017).
    """

    __slots__ = ("_excess", "_seen", "_share")

    def __init__(self) -> None:
        """Expect what a calm series shows."""
        self._excess, self._share, self._seen = _EXCESS, _SHARE, _PRIOR

    def rarity(self, surprise: float) -> float:
        """Minus the natural logarithm of the share of points at least as surprising; never below 0."""
        beyond = surprise - _START
        if beyond <= 0:
            return max(0.0, -math.log(self._share) * surprise / _START)
        return beyond / self._excess - math.log(self._share)

    def learn(self, surprise: float) -> None:
        """Take a surprise in."""
        beyond = surprise - _START
        share = self._share + ((1.0 if beyond > 0 else 0.0) - self._share) / _TAIL_LIFE
        self._share = max(share, _LEAST_SHARE)
        if beyond > 0:
            self._seen += 1
            rate = max(1 / self._seen, _SLOWEST)
            excess = self._excess + rate * (min(beyond, _TAIL_CLIP * self._excess) - self._excess)
            self._excess = max(excess, _LEAST_EXCESS)


class View:
    """One way to look at a series: a stream of numbers, each held against those before it."""

    __slots__ = ("_apart", "_calm", "_kept", "_tail", "_usual")

    def __init__(self, life: float, least: float, *, apart: int) -> None:
        """Know nothing yet; see `Usual`. An incident is over after `apart` numbers without a surprise."""
        self._usual, self._tail = Usual(life, least), Tail()
        self._apart, self._calm = apart, 0
        self._kept: Tail | None = None

    def rarity(self, value: float, *, is_warm: bool) -> float:
        """How rare a number is, in natural logarithms; then take it in. 0 while there is too little."""
        surprise = self._usual.surprise(value)
        self._usual.learn(value, clipped=is_warm)
        if not is_warm:
            return 0.0
        rarity = self._tail.rarity(surprise)
        self._tail.learn(surprise)
        self._calm = 0 if surprise > _START else self._calm + 1
        if self._kept is not None and self._calm >= self._apart:
            self._tail, self._kept = self._kept, None
        return rarity

    def keep(self) -> None:
        """Remember what is rare as it is known now, to go back to it when the incident is over.

        Extremes that come in a run are one, and count once (declustering: Davison & Smith 1990,
        Leadbetter 1991); until the run ends each of them counts, or it would be told again and again.
        """
        self._calm = 0
        if self._kept is None:
            self._kept = copy(self._tail)
