import json
from datetime import UTC, datetime, time
from pathlib import Path

import jsonschema
import msgspec
import pytest
import yaml

from mlmon.alerts import catalogue, describe, form, load
from mlmon.alerts.rules import Against, Bound, Lasting, OfFindings, OfLogs, OfMetric, Side
from mlmon.analyzers.registry import ANALYZERS
from mlmon.core.errors import ConfigError

HEAD = "rules:\n  - name: trial\n"
GOOD = f"{HEAD}    metric: error_rate\n    window: 1h\n    above: 5%\n"
RISES = f"{HEAD}    metric: psi\n    window: 7d\n    rises: 5%\n    against: "


def one(text: str):
    """Give the only rule of a text."""
    [rule] = load.parse(text, "rules/trial.yaml")
    return rule


def refusal(text: str) -> str:
    """Give what is said of a text that cannot be meant."""
    with pytest.raises(ConfigError) as error:
        load.parse(text, "trial.yaml")
    return str(error.value)


def test_a_rule_is_read_in_the_units_of_its_metric():
    """A latency's bound is in nanoseconds, a share's in parts of one, and the file and line are kept."""
    rule = one(
        f"{HEAD}    metric: latency_p95\n    window: 1h\n    above: 250ms\n"
        "    recover: 0.2s\n    for: 3 of 5\n"
    )
    assert rule.subject == OfMetric(name="latency_p95", analyzer="service")
    assert rule.bound == Bound(side=Side.ABOVE, value=250e6, recovery=200e6)
    assert rule.lasting == Lasting(count=3, among=5, clear=3)
    assert one(f"{GOOD}    for: 3 of 5 windows\n").lasting == rule.lasting
    assert rule.place == "rules/trial.yaml:2"
    assert one(GOOD).bound.value == 0.05


def test_a_change_is_relative_where_it_is_a_percentage():
    """A percentage of change is a part of what it was, any other number a difference."""
    text = f"{HEAD}    metric: roc_auc\n    window: 7d\n    against: reference\n    falls: "
    assert one(f"{text}5%\n").bound.limits(0.8) == pytest.approx((0.76, 0.76))
    assert one(f"{text}0.02\n    recover: 0.01\n").bound.limits(0.8) == pytest.approx((0.78, 0.79))
    assert one(f"{text}5%\n").bound.limits(None) is None
    assert one(f"{text}5%\n").bound.against is Against.REFERENCE


def test_what_speaks_of_features_has_a_state_for_each():
    """A drift metric without a subject is judged for every feature, with a state for each."""
    rule = one(f"{HEAD}    metric: psi\n    window: 7d\n    above: 0.25\n")
    assert rule.by == ("model", "subject")
    assert rule.subject == OfMetric(name="psi", analyzer="drift", subjects=("?*",))


def test_what_is_missing_may_be_a_finding_of_drift_or_of_quality():
    """Both analyzers tell of values that are missing."""
    for analyzer in ("drift", "quality"):
        rule = one(f"{HEAD}    finding: {analyzer}.missing_rate\n    window: 7d\n")
        assert isinstance(rule.subject, OfFindings)
        assert rule.subject.analyzer == analyzer


def test_findings_logs_and_silence_are_subjects():
    """A rule may speak of findings, of log lines and of silence."""
    found = one(f"{HEAD}    finding: drift.psi\n    window: 7d\n    at_least: warning\n")
    assert isinstance(found.subject, OfFindings)
    assert (found.subject.analyzer, found.subject.metric, found.bound) == ("drift", "psi", None)
    lines = one(
        f"{HEAD}    log: {{level: [error, critical], message: out of memory}}\n    window: 5m\n    above: 3\n"
    )
    assert lines.subject == OfLogs(levels=("error", "critical"), message="out of memory")
    assert one(f"{HEAD}    silence: 2h\n").bound.value == 7200


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            GOOD.replace("error_rate", "eror_rate"),
            "trial.yaml:3: 'eror_rate' is no metric. Did you mean 'error_rate'",
        ),
        (GOOD.replace("above", "abov"), "trial.yaml:5: 'abov' is no key here."),
        (GOOD.replace("above", "abov"), "Did you mean 'above'?"),
        (GOOD.replace("5%", "5"), "trial.yaml:5: error_rate is from 0 to 1, so it is never above 5"),
        (GOOD.replace("5%", "5"), "Did you mean '5%'?"),
        (GOOD.replace("5%", "100%"), "is never above 100%"),
        (GOOD.replace("5%", "250ms"), "trial.yaml:5: '250ms' has a unit that does not fit."),
        (GOOD.replace("5%", "much"), "'much' is no number."),
        (GOOD.replace("above", "below").replace("5%", "0"), "is never below 0"),
        (GOOD.replace("1h", "2h"), "trial.yaml:4: '2h' is no size of a metric's window."),
        (f"{GOOD}    recover: 6%\n", "trial.yaml:6: recover must lie on the well side of above"),
        (f"{GOOD}    below: 1%\n", "needs one of above, below, rises, falls; there is above and below"),
        (f"{GOOD}    for: 6 of 5\n", "trial.yaml:6: 'for: 6 of 5' cannot be"),
        (f"{GOOD}    severity: hot\n", "trial.yaml:6: severity cannot be 'hot'. Choose of info,"),
        (
            f"{GOOD}    severity: Critical\n",
            "trial.yaml:6: severity cannot be 'Critical'. Did you mean 'crit",
        ),
        (f"{GOOD}    by: [colour]\n", "trial.yaml:6:"),
        (f"{GOOD}    subject: temp\n", "trial.yaml:6: error_rate speaks of the whole model"),
        (f"{GOOD}    only_if:\n      - rule: trial\n", "trial.yaml:7: A rule cannot wait for itself."),
        (
            f"{GOOD}    only_if:\n      - metric: mae\n        abov: 1\n",
            "trial.yaml:8: 'abov' is no key here.",
        ),
        (f"{GOOD}    above: 2%\n", "trial.yaml:6: 'above' stands here twice."),
        (f"{GOOD}    against: reference\n", "trial.yaml:6: 'against' goes with rises and falls."),
        (GOOD.replace("above", "rises"), "'rises' needs 'against'"),
        (GOOD + GOOD.removeprefix("rules:\n"), "trial.yaml:6: The name 'trial' is taken by trial.yaml:2."),
        (f"{HEAD}    window: 1d\n", "one of metric, finding, log, silence; 'trial' names none."),
        (f"{HEAD}    finding: drfit\n    window: 7d\n", "Did you mean 'drift'?"),
        (f"{HEAD}    finding: drift\n    window: 7d\n    above: 3\n", "'above' does not go here"),
        (f"{HEAD}    log: {{level: errr}}\n    window: 5m\n    above: 3\n", "Did you mean 'error'?"),
        (f"{RISES}reference\n", "from the reference already"),
        (f"{RISES}seasonal\n".replace("psi", "mae"), "must be 1h or 1d, not 7d"),
        ("rules: [\n", "trial.yaml:2: This is no YAML"),
        ("rule: []\n", "trial.yaml:1: 'rule' is no key here. Did you mean 'rules'?"),
        ("rules: []\nfor: 3\n", "trial.yaml:2: 'for' is no key here. Allowed: rules, version."),
        ("rules:\n", "trial.yaml:1: A rule file is 'rules:' with a list below it"),
        ("- name: a\n", "trial.yaml:1: A rule file is 'rules:' with a list below it"),
        ("rules:\n  - about: x\n", "trial.yaml:2: 'name' is missing here."),
        (f"{GOOD}    min_n: '1,000'\n", "trial.yaml:6: min_n must be a number, not '1,000'."),
        (f"{GOOD}    min_n: -1\n", "trial.yaml:6: min_n must be 0 or more, not -1."),
        (f"{GOOD}    owner:\n", "trial.yaml:6: owner must be text, and is empty."),
        (
            f"{GOOD}    renotify: 0m\n",
            "renotify must be a duration above 0, such as 30m, 2h or 7d, not '0m'.",
        ),
        (
            f"{GOOD}    for: 3 from 5\n",
            "for must be so many windows: 3 (in a row), or '3 of 5', not '3 from 5'.",
        ),
        (GOOD.replace("name: trial", "name: My Rule"), "trial.yaml:2: name must be small letters"),
        (GOOD.replace("5%", ".nan"), "trial.yaml:5: 'nan' is no finite number."),
        (GOOD.replace("5%", "-.inf"), "trial.yaml:5: '-inf' is no finite number."),
        (GOOD.replace("5%", "1e999"), "trial.yaml:5: '1e999' is no finite number."),
        (GOOD.replace("5%", "'0,25'"), "'0,25' is no number. Did you mean '0.25'?"),
        (GOOD.replace("5%", "-1"), "it is always above -1."),
        (GOOD.replace("error_rate", "latency_p95").replace("5%", "250"), "Did you mean '250ms'?"),
        (
            f"{GOOD}    only_if: [{{rule: worse, above: 2}}]\n",
            "either a rule alone or a metric with a bound.",
        ),
        (f"{GOOD}    models: []\n", "trial.yaml:6: models names none"),
        (f"{GOOD}    segments: UA\n", "trial.yaml:6: 'UA' is no segment. Write field=value"),
        (f"{HEAD}    finding: drift.error_rate\n    window: 1d\n", "Write service.error_rate."),
        (
            f"{GOOD}    maintenance:\n      - since: 2026-03-02\n        until: 2026-03-01\n",
            "trial.yaml:8: until (2026-03-01) must be after since (2026-03-02).",
        ),
        (
            f"{GOOD}    maintenance:\n      - since: now\n        until: 2026-03-01\n",
            "trial.yaml:7: since must be a time, such as '2026-03-01T12:00Z', not 'now'.",
        ),
        (
            f"{GOOD}    maintenance:\n      - {{days: [sat], since: 2026-03-01, until: 2026-03-02}}\n",
            "trial.yaml:7: A maintenance window is weekly or once",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_line_and_suggestion(text, said):
    """A mistake in a rule is told with its file, its line, and the nearest right word."""
    assert said in refusal(text)


def test_rules_that_wait_for_each_other_are_refused(tmp_path):
    """A rule that waits for one there is not, or in a circle, is refused."""
    waits = f"{GOOD}    only_if: [{{rule: other}}]\n"
    (tmp_path / "a.yaml").write_text(waits)
    with pytest.raises(ConfigError, match="names the rule 'other', which there is not"):
        load.combined(load.read(tmp_path), load.builtin())
    (tmp_path / "b.yaml").write_text(waits.replace("other", "trial").replace("name: trial", "name: other"))
    with pytest.raises(ConfigError, match="waits for itself, by way of other, trial"):
        load.combined(load.read(tmp_path), ())


def test_a_rule_may_wait_for_one_that_comes_with_mlmon(tmp_path):
    """`only_if` of a team's rule finds the rules that come with mlmon."""
    (tmp_path / "a.yaml").write_text(f"{GOOD}    only_if: [{{rule: worse}}]\n")
    names = [rule.name for rule in load.combined(load.read(tmp_path), load.builtin())]
    assert "trial" in names
    assert "worse" in names


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("    metric: mae\n    above: 3\n    segments: carrier=*\n", "mae above 3 of carrier=*"),
        ("    metric: mae\n    above: 3\n    by: [version]\n", "mae above 3 of each version"),
        ("    metric: mae\n    above: 3\n    models: [a, b]\n", "mae above 3 of a, b"),
        ("    finding: performance\n    at_least: warning\n", "findings of performance (at least warning)"),
    ],
)
def test_a_rule_says_what_it_looks_at(more, said):
    """The sentence of a rule names models, versions, segments and severities where it is not of all."""
    assert describe.rule(one(f"{HEAD}    window: 7d\n{more}")) == f"{said}, one window (7d)"


def test_times_need_no_quotes():
    """A time of day and a date are the text that they look like, with quotes or without."""
    weekly = one(f"{GOOD}    maintenance: [{{days: [sat], start: 12:30, end: 22:00}}]\n").maintenance[0]
    assert (weekly.start, weekly.end) == (time(12, 30), time(22))
    once = one(f"{GOOD}    maintenance: [{{since: 2026-03-01, until: 2026-03-02T00:00+02:00}}]\n")
    assert once.maintenance[0].until == datetime(2026, 3, 1, 22, tzinfo=UTC)


def test_a_rule_of_the_same_name_replaces_a_shipped_one(tmp_path):
    """A team's rule replaces the shipped one of its name, and a rule that is not enabled is left out."""
    (tmp_path / "own.yaml").write_text(
        GOOD.replace("trial", "errors").replace("5%", "7%") + "    recover: 3%\n"
    )
    shipped = load.builtin()
    rules = {rule.name: rule for rule in load.combined(load.read(tmp_path), shipped)}
    assert rules.keys() == {rule.name for rule in shipped}
    assert rules["errors"].bound == Bound(side=Side.ABOVE, value=0.07, recovery=0.03)
    assert load.parse(f"{GOOD}    enabled: false\n", "off.yaml") == ()


def test_files_that_cannot_be_read_are_told(tmp_path):
    """A file that is missing or in another encoding is told by its name; a missing folder has no rules."""
    (tmp_path / "odd.yaml").write_bytes(b"rules: \xff")
    with pytest.raises(ConfigError, match=r"odd\.yaml is not UTF-8"):
        load.read(tmp_path)
    with pytest.raises(ConfigError, match=r"none\.yaml cannot be read"):
        load.read_file(tmp_path / "none.yaml")
    assert load.read(tmp_path / "nowhere") == ()


def test_the_schema_for_editors(golden, root: Path):
    """The JSON Schema is that of the golden file, and takes the shipped rules and refuses a typo."""
    schema = form.json_schema()
    golden("alerts/rules.schema.json", json.dumps(schema, indent=2) + "\n")
    shipped = yaml.safe_load((root / "alerts" / "builtin" / "default.yaml").read_text())
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(shipped)
    assert not validator.is_valid({"rules": [shipped["rules"][0] | {"abov": 1}]})
    assert not validator.is_valid({"rules": [shipped["rules"][0] | {"metric": "eror_rate"}]})


def test_rules_survive_a_round_trip():
    """A rule is plain data: it comes back from JSON as it was."""
    for rule in load.builtin():
        assert msgspec.json.decode(msgspec.json.encode(rule), type=type(rule)) == rule


def test_the_catalogue_has_every_metric_of_the_analyzers(stated_names):
    """Every metric that the jobs state of models has a row."""
    assert len(stated_names) > 30
    assert {name for analyzer, name in stated_names if analyzer != "delivery"} <= catalogue.METRICS.keys()


def test_the_catalogue_has_analyzers_that_there_are():
    """The analyzers whose findings a rule may speak of are those registered, and the jobs' own."""
    silent = {"outcomes", "drift_with_loss"}
    own = {"delivery", "concept_drift"}
    assert {*catalogue.FINDINGS} - own == {each.name for each in ANALYZERS} - silent - own
