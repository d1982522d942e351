"""A rule as a search with a count, and what no search can say."""

import msgspec
import pytest
from msgspec.structs import replace

from mlmon.alerts.exports.search import RefusedError, counted, reasons, search_of, term
from mlmon.core import schema


def test_each_rule_is_one_search(rules, place, golden):
    """Each kind of rule has its filter, its stretch of time, its series and its count."""
    made = {}
    for name, rule in rules.items():
        search = search_of(rule, place)
        made[name] = {"search": msgspec.to_builtins(search), "counted": counted(search)}
    golden("alerts/exports/search.json", msgspec.json.format(msgspec.json.encode(made), indent=2).decode())


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ("metric: f1\nwindow: 1d\nfalls: 5%\nagainst: reference", "and not with the reference"),
        ("metric: f1\nwindow: 1d\nfalls: 5%\nagainst: previous", "and not with the window before"),
        ("metric: inferences\nwindow: 1h\nfalls: 50%\nagainst: seasonal", "same time of other weeks"),
        ("metric: error_rate\nwindow: 1h\nabove: 5%\nrecover: 3%", "Leave recover out"),
        ("metric: psi\nwindow: 7d\nabove: 0.2\nonly_if: [{metric: f1, below: 0.5}]", "knows no only_if"),
        ("metric: f1\nwindow: 1d\nbelow: 0.5\njudge: final", "Judge those that have ended"),
        ("metric: f1\nwindow: 1d\nbelow: 0.5\nmaintenance: [{days: [sun]}]", "knows no maintenance"),
        ("metric: f1\nwindow: 1d\nbelow: 0.5\nflapping: {episodes: 2}", "Leave flapping out"),
        ("finding: drift\nwindow: 7d\nfor: 2", "counts findings, not windows"),
        ("log: {level: error}\nwindow: 1h\nabove: 3\nfor: 2", "the lines of one window"),
        ("log: {level: error}\nwindow: 1h\nbelow: 3\nmodels: m\nby: [logger]", "leave by out"),
        ("log: {level: error}\nwindow: 1h\nbelow: 3", "Name one model"),
        ("log: {level: error}\nwindow: month\nabove: 3", "such as 30d"),
    ],
)
def test_what_a_search_cannot_say_is_refused(lines, why, rule, place):
    """Each part of a rule that a search would lose is named, with the rule's place and what to do."""
    with pytest.raises(RefusedError, match=r"'one' \(rules/exported.yaml:2\) cannot be exported") as refused:
        search_of(rule(lines), place)
    assert why in str(refused.value)


def test_every_reason_is_told(rule):
    """A rule with two parts that cannot be said has two reasons."""
    lines = "metric: error_rate\nwindow: 1h\nabove: 5%\nrecover: 3%\njudge: final"
    assert len(list(reasons(rule(lines)))) == 2


def test_bounds_of_lines_are_whole_numbers(rule, place):
    """More than 10.5 lines are 11 or more, fewer than 10.5 are fewer than 11."""
    above = search_of(rule("log: {level: error}\nwindow: 1h\nabove: 10.5"), place)
    below = search_of(rule("log: {level: error}\nwindow: 1h\nbelow: 10.5\nmodels: m"), place)
    assert (above.count, below.below) == (11, 11)


def test_mlmon_can_judge_every_rule(rule, place):
    """With the built-in evaluator as the judge the search finds the open alerts of whatever rule."""
    lines = "metric: f1\nwindow: 1d\nfalls: 5%\nagainst: seasonal\nrecover: 3%\nversions: '*'"
    search = search_of(rule(lines), replace(place, by_mlmon=True))
    assert search.keys == (schema.MODEL_NAME, schema.MODEL_VERSION)
    assert search.clauses == (term(schema.RESULT_ANALYZER, "rule:one"), term(schema.FINDING_STATE, "firing"))


def test_alerts_are_not_made_of_alerts(rule, place):
    """Any finding is one of an analyzer: the alerts that rules keep among the findings are left out."""
    of_rules = {"prefix": {schema.RESULT_ANALYZER: {"value": "rule:"}}}
    assert {"bool": {"must_not": [of_rules]}} in search_of(rule("finding: any\nwindow: 1d"), place).clauses
