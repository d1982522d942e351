from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from mlmon.analyzers import jobs, joint, multivariate, profile_columns, profile_joint, profile_window
from mlmon.analyzers import reference as references
from mlmon.analyzers.ask import Ask
from mlmon.analyzers.models import models
from mlmon.analyzers.policy import Policy
from mlmon.analyzers.profile_columns import Columns
from mlmon.core import schema
from mlmon.core.config import AnalyzeConfig, Config
from mlmon.core.result import Finding, Metric
from mlmon.core.window import Window

START = datetime(2030, 3, 4, tzinfo=UTC)
WEEK = timedelta(days=7)
CARRIERS = np.array(["AA", "DL", "UA"])


def table(rng, n, sign=1.0):
    """Two numbers that go with or against each other, a third with gaps, and a carrier."""
    first = rng.normal(size=n)
    return {
        "carrier": CARRIERS[rng.choice(3, size=n, p=[0.6, 0.3, 0.1])],
        "dew": np.exp(0.9 * sign * first + np.sqrt(0.19) * rng.normal(size=n)),
        "temp": first,
        "wind": np.where(rng.uniform(size=n) < 0.1, np.nan, rng.normal(size=n)),
    }


def profile(rng, n=20_000, **more):
    """Give a reference of a training table."""
    return profile_columns.from_columns(
        Columns(features=table(rng, n)), model="m", source="train", now=START, **more
    )


def codes_of(columns, rows):
    """Give the codes of a table, in the order of their keys."""
    codes = np.column_stack([joint.coded(column, rows[column.name]) for column in columns])
    return codes[np.argsort(joint.keys_of(codes), kind="stable")]


@pytest.fixture(scope="module")
def known():
    """Give a reference made ready."""
    return multivariate.known_of(profile(np.random.default_rng(1)).joint)


def judged(known, rng, n, sign=1.0):
    """The tests of a table of n rows."""
    codes = codes_of(known.joint.columns, table(rng, n, sign))
    return multivariate.judge(Policy(), multivariate.together(known, codes, np.ones(n)))


def test_a_flipped_correlation_is_found_where_each_column_looks_the_same(known):
    """Of 20 samples in which two columns turn against each other both statistics find each."""
    rng = np.random.default_rng(2)
    for _ in range(20):
        tests = judged(known, rng, 1_000, -1.0)
        assert tests[multivariate.AREA].holds
        assert tests[multivariate.RECONSTRUCTION].holds


@pytest.mark.parametrize(("n", "windows"), [(100, 700), (2_000, 300)])
def test_a_thousand_windows_without_drift_raise_no_finding(known, n, windows):
    """Of 700 small windows and 300 large ones without a change at most one is taken for a drift in each."""
    rng = np.random.default_rng(n)
    codes = codes_of(known.joint.columns, table(rng, 100_000))
    held = 0
    for _ in range(windows):
        some = codes[rng.choice(len(codes), size=n, replace=False)]
        tests = multivariate.judge(Policy(), multivariate.together(known, some, np.ones(n)))
        held += sum(test.holds for test in tests.values())
    assert held <= 1


def test_the_sample_does_not_depend_on_the_order_of_rows(sure):
    """Shuffled rows give the same joint sample."""
    rows = table(np.random.default_rng(3), 5_000)
    order = np.random.default_rng(4).permutation(5_000)
    shuffled = {name: values[order] for name, values in rows.items()}
    made = [
        profile_columns.from_columns(Columns(features=one), model="m", source="train", now=START)
        for one in (rows, shuffled)
    ]
    assert made[0].joint == made[1].joint
    assert sure(made[0].joint).rows == joint.ROWS


def test_parts_of_a_table_merge_to_a_sample_of_both(sure):
    """The merged sample holds rows of both parts in the order of their keys, no more than one part may."""
    rng = np.random.default_rng(5)
    left = profile(rng, 6_000)
    right = profile(rng, 2_000, like=left)
    both = sure(references.merge(left, right).joint)
    assert both.rows == joint.ROWS
    assert list(both.keys) == sorted(both.keys)
    from_right = len(set(both.keys) & set(right.joint.keys)) / both.rows
    assert from_right == pytest.approx(0.25, abs=0.05)


def test_parts_with_other_bins_have_no_joint_sample():
    """Samples over different bins cannot be told from each other, so there is none of both."""
    rng = np.random.default_rng(6)
    assert references.merge(profile(rng), profile(rng)).joint is None


def test_a_reference_holds_no_value_of_a_row():
    """A row is bytes: of a number only which of at most 32 bins it lay in, and 0 where it is missing."""
    made = profile(np.random.default_rng(7)).joint
    codes = joint.codes_of(made)
    names = [column.name for column in made.columns]
    assert names == ["carrier", "dew", "temp", "wind"]
    assert codes.max() <= joint.LEVELS
    assert (codes[:, names.index("wind")] == 0).mean() == pytest.approx(0.1, abs=0.02)


@pytest.mark.parametrize(
    "features",
    [
        {},
        {"a": np.arange(500.0)},
        {"a": np.arange(500.0), "b": np.full(500, np.nan)},
        {"a": np.arange(500.0), "b": np.ones(500), "c": np.full(500, "x")},
    ],
)
def test_features_that_cannot_go_together_have_no_joint_sample(features):
    """With fewer than two features that vary there is nothing joint."""
    columns = Columns(features=features, score=np.linspace(0, 1, 500))
    made = profile_columns.from_columns(columns, model="m", source="train", now=START)
    assert made.joint is None


def test_infinite_and_mixed_values_are_missing_or_names():
    """An infinite number is a missing one, and a category of any type is its text."""
    number = joint.Number(name="x", cuts=(0.0, 1.0))
    assert joint.coded(number, [None, np.nan, np.inf, -5.0, 0.0, 0.5, 1.0]).tolist() == [0, 0, 0, 1, 2, 2, 3]
    named = joint.Category(name="k", names=("1", "b"))
    assert joint.coded(named, [None, 1, "b", "new"]).tolist() == [0, 1, 2, 3]


def fill(store, service, weeks, n=400):
    """Write weeks of inferences; a letter a week says whether the two columns go with each other."""
    rng = np.random.default_rng(8)
    for week, letter in enumerate(weeks):
        rows = table(rng, n, -1.0 if letter == "y" else 1.0)
        store.write(
            [
                service.inference(
                    f"{week}-{place}",
                    START + week * WEEK + place * WEEK / n,
                    EVENT_SEQUENCE=week * n + place,
                    MODEL_VERSION="b" if place % 4 == 0 else "a",
                    FEATURES_NUMERIC={
                        name: float(rows[name][place])
                        for name in ("dew", "temp", "wind")
                        if np.isfinite(rows[name][place])
                    },
                    FEATURES_CATEGORICAL={"carrier": str(rows["carrier"][place])},
                )
                for place in range(n)
            ]
        )


def results_of(store, weeks):
    """The results of a store's weeks."""
    [model] = models(store)
    span = Window(start=START, end=START + weeks * WEEK)
    ask = Ask(
        model=model, span=span, size="7d", now=span.end, by_version=True,
        references=references.load_all(store, "m"),
    )  # fmt: skip
    return list(multivariate.analyze(store, ask))


def test_two_of_three_weeks_are_a_finding(sure, store, service):
    """A window that shows it is a finding when one of the two before did too; versions have their own."""
    fill(store, service, "nyynn")
    references.save(store, profile(np.random.default_rng(9)))
    found = results_of(store, 5)
    stated = [one for one in found if isinstance(one, Finding)]
    assert {(one.version, round((one.window.start - START) / WEEK)) for one in stated} == {
        ("", 2),
        ("a", 2),
        ("b", 2),
    }
    assert {one.metric for one in stated} == {multivariate.AREA, multivariate.RECONSTRUCTION}
    [area] = [one for one in stated if one.metric == multivariate.AREA and not one.version]
    assert sure(area.low) < sure(area.value) < sure(area.high)
    assert area.evidence["of"] == area.evidence["sample"] == 400
    assert list(area.evidence["features"])[:2] in (["dew", "temp"], ["temp", "dew"])
    assert all(area.evidence["passed"].values())
    areas = [
        one for one in found if isinstance(one, Metric) and one.name == multivariate.AREA and not one.version
    ]
    assert [round(sure(one.value), 1) for one in areas if one.window.start < START + WEEK] == [0.5]
    assert len(areas) == 5


def test_a_window_as_the_reference_gives_a_joint_sample(sure, store, service):
    """A reference of a past window holds a sample of its rows, with the same columns as one of a file."""
    fill(store, service, "n", n=1_000)
    [model] = models(store)
    week = Window(start=START, end=START + WEEK)
    made = sure(profile_window.from_window(store, model, week, now=START).joint)
    assert [column.name for column in made.columns] == ["carrier", "dew", "temp", "wind"]
    assert made.rows == 1_000
    space = joint.space(made)
    assert np.asarray(np.corrcoef(space.rows.T))[space.owners.index(1), space.owners.index(2)] > 0.8


def test_a_pass_states_weeks_and_leaves_days_alone(store, service, results):
    """The jobs keep the area of each week, and none of a day."""
    fill(store, service, "ny")
    references.save(store, profile(np.random.default_rng(9)))
    config = Config(analyze=AnalyzeConfig(windows=("1d", "7d")))
    now = START + 3 * WEEK
    jobs.run_once(store, config, clock=lambda: int(now.timestamp() * 1e9))
    sizes = {one.size for one in results(store).metrics if one.analyzer == multivariate.ANALYZER}
    assert sizes == {"7d"}


def test_rows_are_coded_in_the_order_of_their_keys(service):
    """The order in which a store gives events plays no part."""
    columns = (joint.Number(name="temp", cuts=(0.0,)),)
    documents = [{schema.EVENT_ID: f"p-{k}", schema.FEATURES_NUMERIC: {"temp": k - 5.0}} for k in range(10)]
    forth, back = profile_joint.coded(documents, columns), profile_joint.coded(documents[::-1], columns)
    assert forth[0].tolist() == back[0].tolist()
    assert forth[1].tolist() == sorted(forth[1].tolist())
