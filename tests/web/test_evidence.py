import json
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from mlmon.core.result import Finding
from mlmon.core.window import Window
from mlmon.web import evidence


def findings(example) -> dict[str, Finding]:
    """Give one finding of each kind that the example has, and those without much evidence."""
    random_ = example.random.Random(1)
    made = [one for one in example.results(example.LATE, random_) if isinstance(one, Finding)]
    kinds = {one.metric: one for one in made}
    for metric in ("error_rate", "silence", "something_new"):
        base = kinds["roc_auc"]
        kinds[metric] = Finding(
            analyzer="service", model=base.model, metric=metric, window=base.window, size="1d", value=7200.0,
            bound=3600.0, n=10, message="x",
        )  # fmt: skip
    return kinds


@pytest.mark.parametrize("metric", ["psi", "roc_auc"])
def test_the_chart_of_evidence_is_the_one_on_record(example, golden, metric):
    """The specification is the one in the golden file."""
    drawn = evidence.chart(findings(example)[metric])
    text = json.dumps({"specs": drawn.specs, "note": drawn.note}, indent=1)
    golden(f"web/evidence_{metric}.json", text + "\n")


@pytest.mark.parametrize("metric", ["psi", "roc_auc", "error_rate", "silence", "something_new"])
def test_every_finding_tells_the_numbers_that_decided(example, metric):
    """Value, bound and sample are named for any finding, whatever its evidence holds."""
    finding = findings(example)[metric]
    names = [name for name, _ in evidence.facts(finding)]
    assert names[1:3] == ["bound", "events it rests on"]
    assert evidence.chart(finding).specs


def test_silence_is_told_as_a_duration(example):
    """Seconds are read as hours."""
    [(name, text), *_] = evidence.facts(findings(example)["silence"])
    assert (name, text) == ("silence", "2 h")


def test_categories_nobody_saw_before_are_named(example):
    """The names for all others and for the unseen are words."""
    finding = findings(example)["psi"]
    categories = {"kind": "categorical", "bins": ["UA", "__other__", "__unseen__"],
                  "reference": [0.9, 0.1, 0.0], "current": [0.5, 0.1, 0.4]}  # fmt: skip
    [spec] = evidence.chart(replace(finding, evidence=categories)).specs
    assert {row["bin"] for row in spec["data"]["values"]} == {"UA", "all others", "never seen before"}


@pytest.mark.parametrize(
    ("check", "expected", "seen", "shown"),
    [
        ("range", [0.0, 41.5], [-3.0, None], ("0 to 41.5", "-3 to any")),
        ("new categories", ["EWR", "JFK"], ["BOS"], ("EWR, JFK", "BOS")),
        ("type", "number", "text", ("number", "text")),
        ("schema", {"features": 13}, {"gone": ["temp"], "new": []}, ("features: 13", "gone: temp")),
        ("cardinality", 3, 51, ("3", "51")),
    ],
)
def test_what_was_expected_stands_beside_what_was_seen(check, expected, seen, shown):
    """A finding of data quality says in words what was expected, what was seen, and who expects it."""
    window = Window(start=datetime(2013, 3, 4, tzinfo=UTC), end=datetime(2013, 3, 11, tzinfo=UTC))
    finding = Finding(
        analyzer="quality", model="m", metric="outside_rate", window=window, size="7d", value=0.2, bound=0.01,
        n=500.0, message="", subject="temp",
        evidence={"check": check, "expected": expected, "seen": seen, "from": "reference"},
    )  # fmt: skip
    facts = dict(evidence.facts(finding))
    assert (facts["expected"], facts["seen"]) == shown
    assert facts["expected by the"] == "reference"
    assert evidence.chart(finding).specs


def test_no_fact_has_a_name_of_the_code(example):
    """Facts, tests and other measures are told in words, without underscores."""
    for finding in findings(example).values():
        told = [*evidence.facts(finding), *evidence.distances(finding)]
        assert [name for name, _ in told if "_" in name and finding.metric != "something_new"] == []
        assert [name for name, _ in evidence.tests(finding) if "_" in name] == []


def test_other_measures_stand_apart_from_what_decided(example):
    """What decided is told once; what other distances say of the same window is a list of its own."""
    finding = findings(example)["psi"]
    decided, others = dict(evidence.facts(finding)), dict(evidence.distances(finding))
    assert others.keys() == {"Jensen-Shannon distance", "Kolmogorov-Smirnov distance"}
    assert not decided.keys() & others.keys()


def test_failures_are_counted_beside_the_usual_share(example):
    """An error rate says how many failed, and which share usually does."""
    failed = replace(findings(example)["error_rate"], evidence={"failed": 28.0, "usual": 0.004})
    facts = dict(evidence.facts(failed))
    assert facts["inferences that failed"] == "28"
    assert facts["usual share"] == "0.4 %"


def test_an_alert_says_whose_rule_made_it_and_when(example):
    """The finding of an alert names rule and owner, and the moments in words."""
    alert = {"rule": "slow", "owner": "ada", "fired": "2013-05-01T12:00:00.000000Z", "closed": None}
    facts = dict(evidence.facts(replace(findings(example)["error_rate"], evidence=alert)))
    assert (facts["rule"], facts["owner"], facts["fired"]) == ("slow", "ada", "2013-05-01 12:00 UTC")
    assert "over" not in facts
