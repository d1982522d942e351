"""What is expected of a column, what is seen of it, and where they part: the rules of data quality.

The same rules judge a table and a window of a store: both are first made into `Seen`. Rules that rest on a
sample give the chance of what they saw; all columns are judged together, so that more of them are no more
false alarms.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from mlmon.analyzers.reference import Categorical, Numeric, Reference, merge_categorical
from mlmon.analyzers.statistics.fdr import benjamini_hochberg
from mlmon.analyzers.statistics.fisher import fisher_p_value, is_small
from mlmon.analyzers.statistics.proportion_difference import proportion_difference
from mlmon.core.config import ExpectConfig

NUMBER: Final = "number"
TEXT: Final = "text"
TIME: Final = "time"

MISSING: Final = "missing"
TYPE: Final = "type"
INFINITE: Final = "infinite"
RANGE: Final = "range"
NEW: Final = "new categories"
VANISHED: Final = "vanished categories"
CONSTANT: Final = "constant"
CARDINALITY: Final = "cardinality"
SCHEMA: Final = "schema"
DUPLICATES: Final = "duplicates"
FRESHNESS: Final = "freshness"
VOLUME: Final = "volume"

MISSING_CHANGE: Final = 0.05
"""A missing rate that is this much above the expected one is a problem."""

RARE: Final = 0.01
"""Of values outside the reference's range so many are let pass: a reference has not seen everything."""

RATE: Final = 0.001
"""The share of false problems that is let pass among all columns and rules that rest on a sample."""

ALIKE: Final = 0.95
"""From this share of different values on a text is an identifier, and no feature."""

FEW: Final = 100

_Key = TypeVar("_Key", bound=Hashable)
_OF_CHANCE: Final = 5
"""Rules of a column that rest on a sample: missing, range, new and vanished categories, constant."""


class Expected(Struct, frozen=True, kw_only=True):
    """What a column should be; None where nothing is expected.

    `missing` is the highest share without a value. `low` and `high` bound numbers. `categories` are the
    allowed ones. With `n` the rest was learnt from so many rows and is not exact: chance is allowed for.
    `counts` are then the categories' counts, `once` how many of them occurred a single time, and `others` how
    many rows had a value unlike the most frequent (for numbers: one outside its bin). `change` is how much
    more than `missing` is let pass.
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
    others: float = 0.0
    change: float = MISSING_CHANGE

    @property
    def there(self) -> float:
        """How many of the rows that this was learnt from had a value."""
        return self.n * (1.0 - (self.missing or 0.0))


class Seen(Struct, frozen=True, kw_only=True):
    """What a column is: of `rows` rows `missing` have no value, `infinite` of the others are no numbers.

    `outside` are the numbers beyond the expected range. `counts` are of its categories; `untold` values are
    of categories without a count. `numbers` is how many values of a text are numbers, `strays` how many came
    as numbers where every value brings its type. `effective` is the effective share of weighted rows.
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
    untold: float = 0.0
    numbers: float = 0.0
    strays: float = 0.0
    effective: float = 1.0

    @property
    def there(self) -> float:
        """How many have a value."""
        return self.rows - self.missing


class Problem(Struct, frozen=True, kw_only=True):
    """One rule that is broken, in words, with the number and the bound.

    `expected` and `seen` are what was held against each other, as plain values. `p_value` is the chance of
    it without a fault, None where chance plays no part; `p_adjusted` is for all that was looked at together.
    """

    check: str
    value: float
    bound: float
    message: str
    expected: Any = None
    seen: Any = None
    p_value: float | None = None
    p_adjusted: float | None = None


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
            others=profile.n - max(profile.counts, default=0.0),
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
        others=profile.n - max(profile.counts.values(), default=0.0),
    )


def of_reference(reference: Reference) -> dict[str, Expected]:
    """What a reference lets expect of each subject; one that came as numbers and as text is text."""
    found = {name: of_profile(one) for name, one in reference.numeric.items()}
    for name, one in reference.categorical.items():
        numbers = reference.numeric.get(name)
        both = one
        if numbers is not None:
            missing = max(one.missing - numbers.n, 0.0)
            both = replace(merge_categorical(one, Categorical(counts={}, other=numbers.n)), missing=missing)
        found[name] = of_profile(both)
    return dict(sorted(found.items()))


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


def problems(
    columns: Mapping[_Key, tuple[Seen, Expected]], *, rate: float = RATE
) -> dict[_Key, list[Problem]]:
    """Every rule that the columns of one table or window break, by column; one that breaks none is left out.

    Of rules that rest on a sample those are told whose chance is at most `rate` after Benjamini-Hochberg over
    all of them. A column without a row breaks none.
    """
    raw = {name: list(broken(seen, expected)) for name, (seen, expected) in columns.items() if seen.rows}
    quiet = _OF_CHANCE * sum(1 for name in raw if columns[name][1].n)
    return judged(raw, quiet, rate=rate)


def judged(
    raw: Mapping[_Key, Sequence[Problem]], of: int, *, rate: float = RATE
) -> dict[_Key, list[Problem]]:
    """Of broken rules those that are no chance, where `of` rules that rest on a sample were looked at."""
    chances = [one.p_value for each in raw.values() for one in each if one.p_value is not None]
    quiet = max(of - len(chances), 0)
    adjusted = iter(benjamini_hochberg([*chances, *([1.0] * quiet)]))
    found: dict[_Key, list[Problem]] = {}
    for name, each in raw.items():
        for one in each:
            told = one if one.p_value is None else replace(one, p_adjusted=next(adjusted))
            if told.p_adjusted is None or told.p_adjusted <= rate:
                found.setdefault(name, []).append(told)
    return found


def broken(seen: Seen, expected: Expected) -> Iterator[Problem]:
    """Every rule whose bound a column exceeds; those that rest on a sample with the chance of it."""
    yield from _type(seen, expected)
    yield from _missing(seen, expected)
    yield from _range(seen, expected)
    yield from _categories(seen, expected)
    yield from _constant(seen, expected)
    yield from _cardinality(seen, expected)


def _type(seen: Seen, expected: Expected) -> Iterator[Problem]:
    there, kind = seen.there, seen.kind
    share = 1.0 - seen.numbers / there if there else 0.0
    if expected.kind is not None and kind is not None and (kind != expected.kind or seen.strays):
        other = NUMBER if kind == expected.kind else kind
        value = seen.strays / there if kind == expected.kind else share
        whole = not 0.0 < value < 1.0
        what = f"holds {other}" if whole else f"{value:.1%} of the values are {other}"
        yield Problem(
            check=TYPE, value=1.0 if whole else value, bound=0.0, expected=expected.kind, seen=other,
            message=f"{what}, expected {expected.kind}",
        )  # fmt: skip
    elif kind == TEXT and expected.kind is None and there / 2.0 < seen.numbers < there:
        yield Problem(check=TYPE, value=share, bound=0.0, message=f"{share:.1%} of the values are no numbers")
    if seen.infinite:
        share = seen.infinite / seen.rows
        yield Problem(check=INFINITE, value=share, bound=0.0, message=f"{share:.1%} are infinite")


def _missing(seen: Seen, expected: Expected) -> Iterator[Problem]:
    share, usual = seen.missing / seen.rows, expected.missing
    if usual is None:
        if share == 1.0:
            yield Problem(check=MISSING, value=1.0, bound=1.0, message="has no value at all")
        return
    bound = usual + expected.change if expected.n else usual
    if share <= bound:
        return
    chance = _chance(usual * expected.n, expected.n, seen, seen.missing, seen.rows)
    yield Problem(
        check=MISSING, value=share, bound=bound, expected=usual, seen=share, p_value=chance,
        message=f"{share:.1%} missing, expected {usual:.1%}",
    )  # fmt: skip


def _range(seen: Seen, expected: Expected) -> Iterator[Problem]:
    share = seen.outside / seen.there if seen.there else 0.0
    bound = RARE if expected.n else 0.0
    if share <= bound or (expected.low is None and expected.high is None):
        return
    yield Problem(
        check=RANGE, value=share, bound=bound, expected=[expected.low, expected.high],
        seen=[seen.low, seen.high],
        message=f"{share:.1%} outside the expected {_plain(expected.low)} to {_plain(expected.high)}",
        # The reference's own smallest and largest value would each be outside, had it not met them.
        p_value=_chance(2.0, expected.there, seen, seen.outside, seen.there),
    )  # fmt: skip


def _categories(seen: Seen, expected: Expected) -> Iterator[Problem]:
    if expected.categories is None or seen.kind != TEXT:
        return
    fresh = {name: count for name, count in seen.counts.items() if name not in expected.categories}
    count = sum(fresh.values())
    if count:
        # How often a reference meets something new is told by what it met once (I. Good, Biometrika 1953).
        yield Problem(
            check=NEW, value=count / seen.there, bound=0.0, seen=_ranked(fresh),
            expected=sorted(expected.categories)[:FEW],
            message=f"{count / seen.there:.1%} are of categories not expected: {_listed(fresh)}",
            p_value=_chance(expected.once, expected.there, seen, count, seen.there),
        )  # fmt: skip
    if expected.n and not seen.untold:
        yield from _vanished(seen, expected)


def _vanished(seen: Seen, expected: Expected) -> Iterator[Problem]:
    total, there = sum(expected.counts.values()), seen.there * seen.effective
    lost = {
        name: _none(count, total, there) * len(expected.counts)
        for name, count in expected.counts.items()
        if name not in seen.counts
    }
    sure = {name: expected.counts[name] for name, chance in lost.items() if chance <= RATE}
    if sure:
        share = sum(sure.values()) / total
        yield Problem(
            check=VANISHED, value=share, bound=0.0, expected=_ranked(sure), seen=[],
            message=f"categories that were {share:.1%} of the reference are gone: {_listed(sure)}",
            p_value=min(lost.values()),
        )  # fmt: skip


def _constant(seen: Seen, expected: Expected) -> Iterator[Problem]:
    if seen.distinct != 1 or seen.there < 2 or expected.is_constant:  # noqa: PLR2004 - one value is always constant
        return
    if expected.n and expected.others < expected.there / 2.0:
        return  # mostly one value as it is, such as rain in a dry week
    yield Problem(
        check=CONSTANT, value=1.0, bound=1.0, message="has one and the same value throughout",
        expected="several values", seen=seen.low if seen.kind == NUMBER else next(iter(seen.counts), None),
        p_value=_none(expected.others, expected.there, seen.there * seen.effective) if expected.n else None,
    )  # fmt: skip


def _cardinality(seen: Seen, expected: Expected) -> Iterator[Problem]:
    if seen.distinct is None or seen.kind != TEXT or seen.there < FEW:
        return
    share, known = seen.distinct / seen.there, len(expected.counts)
    if not expected.n and share >= ALIKE:
        message = f"{share:.0%} of the values differ: an identifier, no feature"
        yield Problem(check=CARDINALITY, value=share, bound=ALIKE, message=message, seen=seen.distinct)
    if known and seen.distinct > 2 * known:
        yield Problem(
            check=CARDINALITY, value=float(seen.distinct), bound=2.0 * known,
            message=f"{seen.distinct:,} categories, in the reference {known:,}",
            expected=known, seen=seen.distinct,
        )  # fmt: skip


def _chance(usual: float, n_usual: float, seen: Seen, now: float, n: float) -> float | None:
    """The chance of such a difference of two shares; None where what is expected is exact."""
    if not n_usual:
        return None
    sides = (usual, n_usual, now * seen.effective, n * seen.effective)
    if is_small(*sides):
        return fisher_p_value(*sides)
    found = proportion_difference(*sides).p_value
    return 1.0 if found is None else found


def _none(count: float, total: float, there: float) -> float:
    """The chance that none of `there` values is of what `count` of `total` were: at most, by Fisher's test.

    >>> round(_none(10.0, 1_000.0, 1_000.0), 6), _none(0.0, 100.0, 100.0)
    (0.000977, 1.0)
    """
    return float((total / (total + there)) ** count) if total + there > 0.0 else 1.0


def _plain(value: float | None) -> str:
    return "any" if value is None else f"{value:g}"


def _ranked(counts: Mapping[str, float]) -> list[str]:
    return sorted(counts, key=lambda name: (-counts[name], name))[:FEW]


def _listed(counts: Mapping[str, float], most: int = 5) -> str:
    more = len(counts) - most
    return ", ".join(_ranked(counts)[:most]) + (f" and {more} more" if more > 0 else "")
