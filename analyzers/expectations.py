"""What is expected of a column, what is seen of it, and where they part: the rules of data quality.

The same rules judge a table and a window of a store: both are first made into `Seen`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from msgspec import Struct

from mlmon.analyzers.reference import Categorical, Numeric
from mlmon.analyzers.statistics.fisher import fisher_p_value
from mlmon.core.config import ExpectConfig

NUMBER: Final = "number"
TEXT: Final = "text"
TIME: Final = "time"

MISSING_CHANGE: Final = 0.05
"""A missing rate that is this much above the expected one is a problem."""

RARE: Final = 0.01
"""Of values outside the reference's range so many are let pass: a reference has not seen everything."""

RATE: Final = 0.001
"""The chance of a false problem that is let pass, for each rule that rests on a sample."""

ALIKE: Final = 0.95
"""From this share of different values on a text is an identifier, and no feature."""

FEW: Final = 100


class Expected(Struct, frozen=True, kw_only=True):
    """What a column should be; None where nothing is expected.

    `missing` is the highest share without a value. `low` and `high` bound numbers. `categories` are the
    allowed ones. With `n` the rest was learnt from so many rows and is not exact: chance is allowed for.
    `counts` are then the categories' counts, `once` how many of them occurred a single time.
    """

    kind: str | None = None
    missing: float | None = None
    low: float | None = None
    high: float | None = None
    categories: frozenset[str] | None = None
    is_constant: bool = False
    n: float = 0.0
    counts: Mapping[str, float] = {}
    once: int = 0


class Seen(Struct, frozen=True, kw_only=True):
    """What a column is: of `rows` rows `missing` have no value, `infinite` of the others are no numbers.

    `outside` are the numbers beyond the expected range. `counts` are of its categories. `numbers` is how many
    values of a text are numbers.
    """

    kind: str | None
    rows: float
    missing: float
    infinite: float = 0.0
    distinct: int | None = None
    outside: float = 0.0
    low: float | None = None
    high: float | None = None
    counts: Mapping[str, float] = {}
    numbers: float = 0.0


class Problem(Struct, frozen=True, kw_only=True):
    """One rule that is broken, in words, with the number and the bound."""

    check: str
    value: float
    bound: float
    message: str


def of_profile(profile: Numeric | Categorical) -> Expected:
    """What a reference's profile lets expect of a column."""
    n = profile.n + profile.missing
    missing = profile.missing / n if n else None
    if isinstance(profile, Numeric):
        filled = sum(count > 0.0 for count in profile.counts)
        ends = (profile.edges[0], profile.edges[-1]) if profile.edges else (None, None)
        return Expected(
            kind=NUMBER if profile.edges else None,
            missing=missing,
            low=ends[0],
            high=ends[1],
            is_constant=filled == 1,
            n=n,
        )
    known = profile.other == 0.0 and profile.counts
    return Expected(
        kind=TEXT if profile.n else None,
        missing=missing,
        categories=frozenset(profile.counts) if known else None,
        is_constant=len(profile.counts) == 1 and profile.other == 0.0,
        n=n,
        counts=profile.counts,
        once=sum(count == 1.0 for count in profile.counts.values()),
    )


def declared(settings: Mapping[str, ExpectConfig]) -> dict[str, Expected]:
    """What the settings declare of each feature: exact, so that one value beyond it is a problem."""
    return {
        name: Expected(
            kind=one.type,
            missing=one.missing,
            low=one.low,
            high=one.high,
            categories=None if one.categories is None else frozenset(one.categories),
        )
        for name, one in settings.items()
    }


def problems(seen: Seen, expected: Expected) -> Iterator[Problem]:
    """Every rule that a column breaks. A column without a row breaks none."""
    if not seen.rows:
        return
    yield from _type(seen, expected)
    yield from _missing(seen, expected)
    yield from _range(seen, expected)
    yield from _categories(seen, expected)
    yield from _cardinality(seen, expected)


def _type(seen: Seen, expected: Expected) -> Iterator[Problem]:
    there = seen.rows - seen.missing
    if expected.kind is not None and seen.kind is not None and seen.kind != expected.kind:
        yield Problem(
            check="type", value=1.0, bound=0.0, message=f"holds {seen.kind}, expected {expected.kind}"
        )
    elif seen.kind == TEXT and expected.kind is None and there / 2.0 < seen.numbers < there:
        share = 1.0 - seen.numbers / there
        yield Problem(
            check="type", value=share, bound=0.0, message=f"{share:.1%} of the values are no numbers"
        )
    if seen.infinite:
        share = seen.infinite / seen.rows
        yield Problem(check="infinite", value=share, bound=0.0, message=f"{share:.1%} are infinite")


def _missing(seen: Seen, expected: Expected) -> Iterator[Problem]:
    share = seen.missing / seen.rows
    usual = expected.missing
    if usual is None:
        if share == 1.0:
            yield Problem(check="missing", value=1.0, bound=1.0, message="has no value at all")
        return
    bound = usual + MISSING_CHANGE if expected.n else usual
    if share <= bound or (expected.n and _by_chance(usual * expected.n, expected.n, seen.missing, seen.rows)):
        return
    yield Problem(
        check="missing", value=share, bound=bound, message=f"{share:.1%} missing, expected {usual:.1%}"
    )


def _range(seen: Seen, expected: Expected) -> Iterator[Problem]:
    there = seen.rows - seen.missing
    share = seen.outside / there if there else 0.0
    bound = RARE if expected.n else 0.0
    if share <= bound or (expected.n and _by_chance(0.0, expected.n, seen.outside, there)):
        return
    limits = f"{_plain(expected.low)} to {_plain(expected.high)}"
    yield Problem(
        check="range", value=share, bound=bound, message=f"{share:.1%} outside the expected {limits}"
    )


def _categories(seen: Seen, expected: Expected) -> Iterator[Problem]:
    if expected.categories is None or seen.kind != TEXT:
        return
    there = seen.rows - seen.missing
    fresh = {name: count for name, count in seen.counts.items() if name not in expected.categories}
    count = sum(fresh.values())
    # How often a reference meets something new is told by what it met once (I. Good, Biometrika 1953).
    if count and not (expected.n and _by_chance(expected.once, expected.n, count, there)):
        yield Problem(
            check="new categories", value=count / there, bound=0.0,
            message=f"{count / there:.1%} are of categories not expected: {_listed(fresh)}",
        )  # fmt: skip
    if not expected.n:
        return
    lost = {name: count for name, count in expected.counts.items() if name not in seen.counts}
    total = sum(expected.counts.values())
    sure = {
        name: n
        for name, n in lost.items()
        if (1.0 - n / total) ** there * max(len(expected.counts), 1) <= RATE
    }
    if sure and there:
        share = sum(sure.values()) / total
        yield Problem(
            check="vanished categories", value=share, bound=0.0,
            message=f"categories that were {share:.1%} of the reference are gone: {_listed(sure)}",
        )  # fmt: skip


def _cardinality(seen: Seen, expected: Expected) -> Iterator[Problem]:
    there = seen.rows - seen.missing
    if seen.distinct is None or there < 2:  # noqa: PLR2004 - one value is always constant
        return
    if seen.distinct == 1 and not expected.is_constant:
        yield Problem(check="constant", value=1.0, bound=1.0, message="has one and the same value throughout")
    share = seen.distinct / there
    if seen.kind == TEXT and not expected.n and there >= FEW and share >= ALIKE:
        message = f"{share:.0%} of the values differ: an identifier, no feature"
        yield Problem(check="cardinality", value=share, bound=ALIKE, message=message)
    known = len(expected.counts)
    if seen.kind == TEXT and known and there >= FEW and seen.distinct > 2 * known:
        message = f"{seen.distinct:,} categories, in the reference {known:,}"
        yield Problem(check="cardinality", value=float(seen.distinct), bound=2.0 * known, message=message)


def _by_chance(usual: float, n_usual: float, now: float, n: float) -> bool:
    return fisher_p_value(usual, n_usual, now, n) > RATE


def _plain(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _listed(counts: Mapping[str, float], most: int = 5) -> str:
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    more = len(ranked) - most
    return ", ".join(ranked[:most]) + (f" and {more} more" if more > 0 else "")
