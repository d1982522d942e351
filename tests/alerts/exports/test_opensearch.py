"""Rules as monitors of OpenSearch's alerting."""

import msgspec

from mlmon.alerts.exports import opensearch


def test_each_rule_is_a_monitor(rules, place, golden):
    """Each kind of rule has its schedule, search, trigger and actions."""
    made = {rule.name: opensearch.monitor(rule, place, ("ml-team",)).body for rule in rules.values()}
    golden(
        "alerts/exports/opensearch.json", msgspec.json.format(msgspec.json.encode(made), indent=2).decode()
    )


def test_rules_with_series_select_them(rules, place):
    """A rule with series is a bucket-level monitor, one that counts all together a query-level one."""
    kinds = {name: opensearch.monitor(rule, place).body["monitor_type"] for name, rule in rules.items()}
    assert kinds.pop("too-quiet") == "query_level_monitor"
    assert set(kinds.values()) == {"bucket_level_monitor"}
