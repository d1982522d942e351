import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import duplicates, expectations, freshness, quality, quality_table, volume
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import Model
from mlmon.analyzers.profile_columns import Columns, from_columns
from mlmon.core.config import ExpectConfig
from mlmon.core.result import Finding, Metric, Severity
from mlmon.core.window import Window, following

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
DAY = timedelta(days=1)
N = 400


def rows(n=N, seed=1):
    """Columns without a fault: a number, one that is mostly missing, and a category."""
    rng = np.random.default_rng(seed)
    gust = rng.normal(30, 5, n)
    return {
        "temp": rng.uniform(0, 100, n).tolist(),
        "gust": [None if k % 4 else float(x) for k, x in enumerate(gust)],
        "origin": rng.choice(["EWR", "JFK", "LGA"], n, p=[0.5, 0.3, 0.2]).tolist(),
    }


def of(columns, model="m"):
    """A reference of columns."""
    features = {name: _column(values) for name, values in columns.items()}
    return from_columns(Columns(features=features), model=model, source="train", now=START)


def _column(values):
    numbers = all(x is None or isinstance(x, float) for x in values)
    return np.array([math.nan if x is None else x for x in values]) if numbers else list(values)


def serve(store, service, columns, window=None, **more):
    """Log each row as an inference, spread over a window."""
    window = window or Window(start=START, end=START + WEEK)
    n = len(next(iter(columns.values()), ()))
    step = (window.end - window.start) / max(n, 1)
    events = []
    for k in range(n):
        row = {name: values[k] for name, values in columns.items() if values[k] is not None}
        numbers = {name: x for name, x in row.items() if isinstance(x, float)}
        texts = {name: x for name, x in row.items() if isinstance(x, str)}
        families = {"FEATURES_NUMERIC": numbers, "FEATURES_CATEGORICAL": texts}
        given = {name: found for name, found in families.items() if found} | more
        events.append(service.inference(f"{window.start}-{k}", window.start + k * step, **given))
    store.write(events)


def asked(reference=None, *, size="7d", span=None, expect=None, **more):
    """A question of a week."""
    span = span or Window(start=START, end=START + WEEK)
    return Ask(
        model=Model(name="m", expect=expect or {}, **more),
        span=span, size=size, now=span.end,
        references={} if reference is None else {"": reference},
    )  # fmt: skip


def findings(store, ask, analyze=quality.analyze):
    """The findings of a question."""
    return [one for one in analyze(store, ask) if isinstance(one, Finding)]


def checks(found):
    """Which rule was broken of which feature."""
    return sorted((one.subject, one.evidence["check"]) for one in found)


FAULTS = {
    "none": (lambda c: c, []),
    "missing": (lambda c: c | {"temp": [None if k % 5 == 0 else x for k, x in enumerate(c["temp"])]},
                [("temp", "missing")]),
    "gone": (lambda c: {name: x for name, x in c.items() if name != "temp"}, [("", "schema")]),
    "new": (lambda c: c | {"heat": c["temp"]}, [("", "schema")]),
    "range": (lambda c: c | {"temp": [x + 500 if k % 10 == 0 else x for k, x in enumerate(c["temp"])]},
              [("temp", "range")]),
    "constant": (lambda c: c | {"temp": [50.0] * N}, [("temp", "constant")]),
    "text": (lambda c: c | {"temp": ["hot"] * N}, [("temp", "constant"), ("temp", "type")]),
    "number": (lambda c: c | {"origin": [5.0] * N}, [("origin", "constant"), ("origin", "type")]),
    "new category": (lambda c: c | {"origin": [x if k % 20 else "BOS" for k, x in enumerate(c["origin"])]},
                     [("origin", "new categories")]),
    "vanished": (lambda c: c | {"origin": ["EWR" if x == "LGA" else x for x in c["origin"]]},
                 [("origin", "vanished categories")]),
    "ids": (lambda c: c | {"origin": [f"{x}{k % 17}" for k, x in enumerate(c["origin"])]},
            [("origin", "cardinality"), ("origin", "new categories"), ("origin", "vanished categories")]),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_store_is_judged_as_a_file(store, service, fault):
    """The same rows break the same rules, with the same numbers, as events of a store and as a table."""
    change, wanted = FAULTS[fault]
    columns = change(rows())
    reference = of(rows(5_000, seed=2))
    serve(store, service, columns)
    found = findings(store, asked(reference))
    assert checks(found) == wanted
    table = {name: _column(values) for name, values in columns.items()}
    before = {name: _column(values) for name, values in rows(5_000, seed=2).items()}
    said = {
        (row["column"], problem["check"]): problem["value"]
        for row in quality_table.check(table, reference=before)
        for problem in row["problems"]
        if problem["check"] != "duplicates"  # rows that are alike; events have ids, and none repeats one
    }
    assert sorted(said) == wanted
    for one in found:
        assert one.value == pytest.approx(said[one.subject, one.evidence["check"]])


def test_a_finding_shows_what_was_expected_beside_what_was_seen(store, service):
    """A finding has both sides, where the expectation comes from, and pictures where they help."""
    columns = rows() | {"origin": ["BOS"] * 40 + rows()["origin"][40:]}
    serve(store, service, columns)
    [one] = findings(store, asked(of(rows(5_000, seed=2))))
    assert one.evidence["expected"] == ["EWR", "JFK", "LGA"]
    assert one.evidence["seen"] == ["BOS"]
    assert one.evidence["from"] == "reference"
    assert one.evidence["bins"][0] == "BOS"
    assert one.message == "origin: 10.0% are of categories not expected: BOS."
    assert one.value == pytest.approx(0.1)


def test_a_single_text_among_numbers_is_told(store, service):
    """One value of another type is a fault, with its share."""
    serve(store, service, rows() | {"temp": ["hot", *rows()["temp"][1:]]})
    [one] = findings(store, asked(of(rows(5_000, seed=2))))
    assert (one.metric, one.value) == ("wrong_type_rate", pytest.approx(1 / N))
    assert one.severity is Severity.WARNING


@pytest.mark.parametrize("size", ["1h", "1d", "7d"])
def test_what_is_declared_is_exact_in_every_window(store, service, size):
    """One value beyond what the settings declare is a finding, in a window of any size."""
    window = Window(start=START, end=following(START, size))
    columns = rows() | {"temp": [101.0, *rows()["temp"][1:]]}
    serve(store, service, columns, window)
    expect = {
        "temp": ExpectConfig(type="number", low=0.0, high=100.0, missing=0.0),
        "gust": ExpectConfig(missing=0.75),
        "origin": ExpectConfig(categories=("EWR", "JFK")),
    }
    found = findings(store, asked(size=size, span=window, expect=expect))
    assert checks(found) == [("origin", "new categories"), ("temp", "range")]
    assert {one.evidence["from"] for one in found} == {"settings"}


def test_short_windows_tell_only_what_no_weather_explains(store, service):
    """A day is not held against the ranges of a reference, but a lost feature is told in the first hour."""
    window = Window(start=START, end=START + timedelta(hours=1))
    columns = {"temp": [500.0] * N, "gust": [None] * N, "origin": rows()["origin"]}
    reference = of(rows(5_000, seed=2))
    serve(store, service, columns, window)
    assert findings(store, asked(reference, size="1h", span=window)) == []
    later = Window(start=window.end, end=window.end + timedelta(hours=1))
    serve(store, service, columns | {"temp": [None] * N}, later)
    [one] = findings(store, asked(reference, size="1h", span=later))
    assert (one.metric, one.severity) == ("features", Severity.CRITICAL)
    assert one.message == "Features gone: temp."


def test_without_a_reference_the_window_before_tells(store, service):
    """A feature that was there a window before and is gone, came, or changed its type, is told once."""
    weeks = [rows(seed=k) for k in range(4)]
    weeks[1].pop("temp")
    weeks[3]["origin"] = [5.0] * N
    for k, columns in enumerate(weeks):
        serve(store, service, columns, Window(start=START + k * WEEK, end=START + (k + 1) * WEEK))
    found = findings(store, asked(span=Window(start=START, end=START + 4 * WEEK)))
    told = [((one.window.start - START) // WEEK, one.subject, one.message) for one in found]
    assert told == [
        (1, "", "Features gone: temp."),
        (2, "", "Features new: temp."),
        (3, "origin", "origin: holds number, expected text."),
    ]


def test_segments_are_not_held_against_what_only_the_whole_has(store, service):
    """A segment may be constant and lack categories; a range holds for it, and is told once."""
    columns = rows()
    for value in ("EWR", "JFK", "LGA"):
        mine = [k for k in range(N) if columns["origin"][k] == value] * 2
        part = {name: [values[k] for k in mine] for name, values in columns.items()}
        if value == "JFK":
            part["temp"][:6] = [900.0] * 6
        part["gust"][:60] = [500.0] * 60
        window = Window(start=START + timedelta(seconds=len(value) + ord(value[0])), end=START + WEEK)
        serve(store, service, part, window, SEGMENT={"origin": value})
    span = Window(start=START, end=START + WEEK)
    ask = Ask(
        model=Model(name="m", segments={"origin": ("EWR", "JFK", "LGA")}), span=span, size="all",
        now=span.end, by_segment=("origin",), references={"": of(rows(5_000, seed=2))},
    )  # fmt: skip
    found = {(one.segment, one.subject, one.metric) for one in findings(store, ask)}
    assert found == {("", "gust", "outside_rate"), ("origin=JFK", "temp", "outside_rate")}


def test_metrics_have_shares_and_names(store, service):
    """Each feature has its shares; those of drift are not said twice."""
    serve(store, service, rows() | {"temp": ["hot", *rows()["temp"][1:]]})
    stated = [
        one for one in quality.analyze(store, asked(of(rows(5_000, seed=2)))) if isinstance(one, Metric)
    ]
    found = {one.label: one.value for one in stated}
    assert found["wrong_type_rate[temp]"] == pytest.approx(1 / N)
    assert found["outside_rate[temp]"] == 0.0
    assert found["new_category_rate[origin]"] == 0.0
    assert found["categories[origin]"] == 3.0
    assert found["features"] == 3.0
    assert not any(name.startswith("missing_rate") for name in found)
    alone = {one.label: one.value for one in quality.analyze(store, asked()) if isinstance(one, Metric)}
    assert alone["missing_rate[gust]"] == 0.75


def test_sampled_events_count_by_their_weight(store, service):
    """Shares are those of the traffic that events stand for, and chance knows how few they are."""
    whole = {name: values[:150] for name, values in rows().items()}
    serve(store, service, whole)
    gaps: dict[str, list[float | str | None]]
    gaps = {"temp": [None] * 100, "gust": [30.0] * 100, "origin": ["EWR"] * 100}
    later = Window(start=START + DAY, end=START + WEEK)
    serve(store, service, gaps, later, SAMPLE_WEIGHT=3.0)
    reference = of(rows(5_000, seed=2))
    found = {one.label: one for one in findings(store, asked(reference))}
    assert found.keys() == {"missing_rate[temp]"}
    assert found["missing_rate[temp]"].value == pytest.approx(300 / 450)
    assert found["missing_rate[temp]"].severity is Severity.CRITICAL
    gaps = {name: values[:2] for name, values in gaps.items()}
    serve(store, service, gaps, Window(start=START + 2 * DAY, end=START + WEEK), SAMPLE_WEIGHT=500.0)
    assert list(quality.analyze(store, asked(reference))) == []


def test_nothing_is_said_of_few_events_or_an_open_window(store, service):
    """A window of fewer events than the policy asks for has no result, one that is not over no finding."""
    serve(store, service, {name: values[:99] for name, values in rows().items()})
    reference = of(rows(5_000, seed=2))
    assert list(quality.analyze(store, asked(reference))) == []
    later = Window(start=START + WEEK, end=START + 2 * WEEK)
    serve(store, service, rows() | {"temp": ["hot"] * N}, later)
    open_ = Ask(
        model=Model(name="m"), span=later, size="7d", now=later.start + DAY, references={"": reference}
    )
    assert findings(store, open_) == []
    assert any(isinstance(one, Metric) for one in quality.analyze(store, open_))


CLEAN = 1_000


@pytest.mark.parametrize("learnt", [1_000, 100_000])
def test_clean_windows_raise_no_false_alarm(learnt):
    """Of 1,000 windows of 100 rows and as many of 10,000, all as the reference, at most one has a finding."""
    rng = np.random.default_rng(learnt)
    numbers = [f"x{k}" for k in range(10)]
    shares = 1.0 / np.arange(1, 31) ** 1.2
    shares /= shares.sum()
    gaps = dict(zip(numbers, np.linspace(0.0, 0.9, 10), strict=True))

    def drawn(n, expected):
        seen = {}
        for name in numbers:
            missing = int(rng.binomial(n, gaps[name]))
            there = n - missing
            # The share beyond the largest and the smallest of so many values is theirs to be beaten by.
            outside = float(rng.binomial(there, min(rng.exponential(2.0 / learnt), 1.0)))
            seen[name] = expectations.Seen(
                kind="number" if there else None, rows=n, missing=missing, outside=outside,
                low=0.0, high=1.0, distinct=1 if there == 1 or rng.random() < 0.9**there else None,
            )  # fmt: skip
        counts = rng.multinomial(n, shares)
        known = {f"v{k}": float(count) for k, count in enumerate(counts) if count}
        seen["k"] = expectations.Seen(kind="text", rows=n, missing=0.0, distinct=len(known), counts=known)
        return {name: (one, expected[name]) for name, one in seen.items()}

    columns = {
        name: np.where(
            rng.random(learnt) < gaps[name], math.nan, np.where(rng.random(learnt) < 0.9, 0.0, 1.0)
        )
        for name in numbers
    }
    columns["k"] = np.array([f"v{k}" for k in rng.choice(30, learnt, p=shares)], dtype=object)
    expected = expectations.of_reference(of_arrays(columns))
    false = sum(bool(expectations.problems(drawn(n, expected))) for n in (100, 10_000) for _ in range(CLEAN))
    assert false <= 1


def of_arrays(columns):
    """A reference of arrays."""
    return from_columns(Columns(features=columns), model="m", source="train", now=START)


def test_an_inference_that_is_logged_twice_is_told(store, service):
    """Events that bear the id of an earlier one are counted; an event that is sent again is not."""
    window = Window(start=START, end=START + DAY)
    serve(store, service, rows(), window)
    again = {name: values[:40] for name, values in rows().items()}
    serve(store, service, again, window)
    ask = asked(size="1d", span=window)
    [one] = findings(store, ask, duplicates.analyze)
    assert one.value == pytest.approx(40 / 440)
    assert (one.metric, one.evidence["check"]) == ("duplicate_rate", "duplicates")
    assert list(duplicates.analyze(store, asked())) == []


def test_the_newest_inference_may_be_too_old(store):
    """Where the settings say how old it may be, the present window says how old it is."""
    span = Window(start=START, end=START + DAY)
    model = Model(name="m", last=START - timedelta(hours=5), fresh=timedelta(hours=6))
    now = START + timedelta(hours=2)
    ask = Ask(model=model, span=span, size="1d", now=now)
    [age, one] = freshness.analyze(store, ask)
    assert isinstance(age, Metric)
    assert isinstance(one, Finding)
    assert (age.value, one.bound) == (7 * 3600.0, 6 * 3600.0)
    assert one.message == "The newest inference is 7.0 h old, allowed are 6 h."
    fine = Ask(model=model, span=span, size="1d", now=START)
    assert not any(isinstance(each, Finding) for each in freshness.analyze(store, fine))


def test_a_day_with_far_fewer_than_those_of_the_weeks_before_is_told(store, service):
    """A day is held against the same day of up to four weeks before; the last, open one against none."""
    many = [N if k % 7 < 5 else N // 4 for k in range(35)]
    many[30] = N // 3
    for k, n in enumerate(many):
        window = Window(start=START + k * DAY, end=START + (k + 1) * DAY)
        serve(store, service, {name: values[:n] for name, values in rows().items()}, window)
    span = Window(start=START, end=START + 35 * DAY)
    last = START + 34 * DAY + timedelta(hours=1)
    ask = asked(size="1d", span=span, first=START, last=last)
    [one] = findings(store, ask, volume.analyze)
    assert (one.window.start - START) // DAY == 30
    assert (one.value, one.bound) == (N // 3, N / 2)
    assert volume.reach(ask) == 28
