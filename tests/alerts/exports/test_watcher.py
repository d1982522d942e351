"""Rules as watches, held against Elastic's published schema."""

import copy

import msgspec
import pytest

from mlmon.alerts.exports import pace, watcher
from mlmon.core.errors import UsageError

NOTIFY = ("log", "email:ml@example.org", "slack:#models", "https://hooks.example.org/ml")


def test_each_rule_is_a_watch(rules, place, golden):
    """Each kind of rule has its schedule, search, condition and actions."""
    made = {one.id: one.body for one in (watcher.watch(rule, place, NOTIFY) for rule in rules.values())}
    golden("alerts/exports/watcher.json", msgspec.json.format(msgspec.json.encode(made), indent=2).decode())


def split(body):
    """A watch with a search that says only what the schema of watches knows of, and its search."""
    body = copy.deepcopy(body)
    request = body["input"]["search"]["request"]
    search = request["body"]
    request["body"] = {"query": search["query"]}
    return body, search


def test_elastic_s_schema_knows_every_watch(rules, place, elastic_complaints):
    """Each watch has only keys and words that Elastic's schema declares, and so has its search."""
    for rule in rules.values():
        body, search = split(watcher.watch(rule, place, NOTIFY).body)
        assert elastic_complaints("watcher.put_watch", body) == [], rule.name
        assert elastic_complaints("search", search) == [], rule.name


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        ("trigger.schedule.intervall", "5m"),
        ("condition.array_compare.ctx\\.payload\\.aggregations\\.series\\.buckets.gte.quantifier", "any"),
        ("actions.log.logging.txt", "x"),
        ("actions.webhook.webhook.method", "past"),
        ("throttle_perod", "5m"),
    ],
)
def test_a_typo_is_caught(path, wrong, rules, place, elastic_complaints):
    """A key or a word that Watcher does not have is a complaint."""
    body, _ = split(watcher.watch(rules["errors"], place, NOTIFY).body)
    *way, last = (part.replace("\0", ".") for part in path.replace("\\.", "\0").split("."))
    branch = body
    for part in way:
        branch = branch[part]
    branch[last] = wrong
    assert elastic_complaints("watcher.put_watch", body)


def test_an_unknown_way_to_tell_is_refused(rules, place):
    """What a watch has no action for is named with what there is."""
    with pytest.raises(UsageError, match=r"'pigeon:home' is no way for a watch to tell. Give log"):
        watcher.watch(rules["errors"], place, ("pigeon:home",))


def test_it_looks_often_enough(rules):
    """Windows of five minutes are looked at each minute, those of a month each quarter of an hour."""
    minutes = {name: pace.interval(rule).total_seconds() / 60 for name, rule in rules.items()}
    assert (minutes["many-errors"], minutes["errors"], minutes["drifted"]) == (1, 5, 15)
