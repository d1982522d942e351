import io

from rich.console import Console

from mlmon.alerts.backtest import Replay
from mlmon.demo import alarms


def test_the_rules_of_the_demo_are_right():
    """The demo's rules are read, and speak of months."""
    rules = alarms.rules()
    assert {rule.size for rule in rules} == {"month"}
    assert [rule.name for rule in rules if rule.only_if] == ["drift-that-hurts"]


def test_a_row_a_rule_is_told():
    """The table says how often each rule would have fired."""
    out = Console(file=io.StringIO(), width=100)
    alarms.tell([Replay(rule=rule, days=366.0) for rule in alarms.rules()], out)
    assert isinstance(out.file, io.StringIO)
    assert out.file.getvalue().count("0 of 0") == len(alarms.rules())
