"""Rules as Elasticsearch query rules of Kibana."""

import msgspec
import pytest

from mlmon.alerts.exports import kibana
from mlmon.alerts.exports.search import RefusedError

PARAMS = {
    "searchType", "index", "timeField", "esQuery", "size", "timeWindowSize", "timeWindowUnit", "aggType",
    "excludeHitsFromPreviousRun", "thresholdComparator", "threshold", "groupBy", "termField", "termSize",
}  # fmt: skip
"""The keys that the rule type's documentation lists; Kibana refuses others."""


def test_each_rule_is_a_query_rule(rules, place, golden):
    """Each kind of rule but silence has its search, threshold and groups."""
    expressible = [rule for rule in rules.values() if rule.name != "silent"]
    made = {one.id: one.body for one in (kibana.kibana_rule(rule, place, ("c1",)) for rule in expressible)}
    assert all(set(body["params"]) <= PARAMS for body in made.values())
    golden("alerts/exports/kibana.json", msgspec.json.format(msgspec.json.encode(made), indent=2).decode())


def test_silence_is_refused(rules, place):
    """A query rule finds documents, and not their absence."""
    with pytest.raises(RefusedError, match="not a model that has stopped"):
        kibana.kibana_rule(rules["silent"], place)


def test_the_id_is_the_rules_own(rules, place):
    """Exported again, a rule keeps its id, and two rules never share one."""
    first, again = (kibana.kibana_rule(rules["errors"], place).id for _ in range(2))
    assert first == again != kibana.kibana_rule(rules["found"], place).id
