"""Rules on the command line: read, judged, replayed, silenced."""

import json
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from mlmon.cli import wiring, wiring_mutes
from mlmon.core.settings import load

RULES = """
rules:
  - name: many
    about: There is traffic.
    metric: inferences
    window: 7d
    above: 20
    owner: payments
    tests:
      - {name: fires, values: [10, 150], expect: [inactive, firing]}
  - name: moved
    metric: psi
    window: 7d
    above: 0.2
"""
SETTINGS = "analyze: {windows: [7d, month]}\nrules: {builtin: false}\n"


@pytest.fixture
def ruled(store):
    """Give a store with rules beside it, in the working folder."""
    (store.parent / "rules").mkdir()
    (store.parent / "rules" / "own.yaml").write_text(RULES)
    (store.parent / "mlmon.yaml").write_text(SETTINGS)
    return store.parent


def test_rules_are_checked(run, ruled):
    """Right rules are counted; a mistake is told with file and line, and ends with exit code 2."""
    assert run("rules", "check").output == "2 rules in 1 file: all right.\n"
    assert run("rules", "check", "rules/own.yaml").output == "2 rules in 1 file: all right.\n"
    (ruled / "mlmon.yaml").write_text("rules: {folder: none-here}\n")
    assert run("rules", "check").output == (
        "No rule in none-here/*.yaml, and 5 that come with mlmon: all right.\n"
    )
    (ruled / "mlmon.yaml").write_text(SETTINGS)
    (ruled / "rules" / "own.yaml").write_text(RULES.replace("inferences", "inferencs"))
    result = run("rules", "check")
    assert result.exit_code == 2
    assert "rules/own.yaml:5: 'inferencs' is no metric. Did you mean 'inferences'?" in result.output


def test_rules_are_held_against_the_settings(run, ruled):
    """A route that the settings lack, and a window that no job computes, are refused with the rule's line."""
    (ruled / "rules" / "own.yaml").write_text(RULES.replace("owner: payments", "routes: pager"))
    assert "rules/own.yaml:3: The rule 'many' goes to the route 'pager'" in run("rules", "check").output
    (ruled / "rules" / "own.yaml").write_text(RULES.replace("window: 7d", "window: 1h"))
    assert "needs windows of 1h, which no job computes" in run("rules", "check").output


def test_rules_are_listed(run, ruled):
    """The list says what each rule says, where it stands and how many alerts it has."""
    rows = json.loads(run("rules", "list", "--format", "json").stdout)
    assert [(row["name"], row["says"], row["open"]) for row in rows] == [
        ("many", "inferences above 20, one window (7d)", 0),
        ("moved", "psi above 0.2, one window (7d)", 0),
    ]
    assert rows[0]["place"] == "rules/own.yaml:3"
    assert "many" in run("rules", "list").stdout


def test_shipped_rules_hold_unless_turned_off(run, store):
    """Without a folder the rules that come with mlmon are there."""
    rows = json.loads(run("rules", "list", "--format", "json").stdout)
    assert "drift-and-worse" in [row["name"] for row in rows]


def test_rules_are_judged_once_for_all(run, ruled):
    """A pass says what fired; a second one finds nothing new."""
    first = run("rules", "evaluate")
    assert first.exit_code == 0, first.output
    assert "2 rules" in first.stdout
    assert "with 1 question: " in first.stdout
    assert " 0 fired, 0 resolved" in run("rules", "evaluate").stdout
    rows = json.loads(run("rules", "alerts", "--format", "json").stdout)
    assert {row["rule"] for row in rows} == {"many", "moved"}
    assert [row["subject"] for row in rows if row["rule"] == "moved"] == ["temp"]
    assert run("rules", "alerts", "--fail").exit_code == 1
    assert "firing" in run("rules", "alerts").stdout


def test_one_pass_of_the_analyzers_judges_too(run, ruled):
    """With --rules one pass judges as well, and a mistake in a rule is told before anything is computed."""
    done = run("analyze", "--rules")
    assert "2 rules, " in done.stdout
    assert " fired, 0 resolved" in done.stdout
    (ruled / "rules" / "own.yaml").write_text(RULES.replace("inferences", "inferencs"))
    wrong = run("analyze", "--rules")
    assert wrong.exit_code == 2
    assert "Did you mean 'inferences'?" in wrong.output


def test_alerts_are_findings_too(run, ruled):
    """What rules found is among the findings, under the rule's name."""
    run("rules", "evaluate")
    rows = json.loads(run("findings", "--format", "json").stdout)
    assert "rule:many" in [row["analyzer"] for row in rows]


def test_an_alert_is_taken_and_given_back(run, ruled):
    """An alert is taken by the beginning of its id, which shows, and given back."""
    run("rules", "evaluate")
    [row] = [
        row for row in json.loads(run("rules", "alerts", "--format", "json").stdout) if row["rule"] == "many"
    ]
    taken = run("rules", "ack", row["id"][:8], "--by", "ada", "--for", "1d")
    assert "is taken by ada until 2013-05-21 12:00 UTC." in taken.stdout
    assert "taken by ada" in run("rules", "alerts", "--format", "json").stdout
    assert run("rules", "unsilence", row["id"][:8]).exit_code == 0
    assert "Nothing is silenced" in run("rules", "silence").output
    wrong = run("rules", "ack", "ffff", "--by", "ada")
    assert wrong.exit_code == 2
    assert "No open alert begins with 'ffff'. Open are: " in wrong.output


def test_a_silence_is_set_listed_and_ended(run, ruled):
    """A silence names what it covers, until when and by whom."""
    made = run("rules", "silence", "--rule", "many", "--for", "2h", "--by", "ada", "--comment", "release")
    assert "holds until 2013-05-20 14:00 UTC." in made.stdout
    [row] = json.loads(run("rules", "silence", "--format", "json").stdout)
    assert (row["rule"], row["model"], row["author"], row["comment"]) == ("many", "*", "ada", "release")
    assert run("rules", "unsilence", row["id"]).exit_code == 0
    assert "There is no silence or ack" in run("rules", "unsilence", row["id"]).output
    assert "Give --for" in run("rules", "silence", "--rule", "many").output
    assert "needs a rule or a model" in run("rules", "silence", "--for", "2h").output


def test_silences_set_at_once_are_all_kept(ruled):
    """People who silence in the same moment, by the page and the command line, lose nothing."""
    config = load(ruled / "mlmon.yaml")
    now = datetime.now(UTC)

    def set_one(place: int) -> str:
        until = now + timedelta(hours=1)
        return wiring_mutes.silence(config, author="ada", until=until, now=now, rule=f"r{place}").id

    with ThreadPoolExecutor(6) as pool:
        made = set(pool.map(set_one, range(24)))
    with wiring.reading(config) as reader:
        kept = wiring_mutes.muted(config, reader).silences
    assert {one.id for one in kept} == made


def test_a_silence_says_what_it_covers(run, ruled):
    """How many open alerts are held back is told, and a rule or model that is not known, with the nearest."""
    run("rules", "evaluate")
    assert "It covers 1 open alert.\n" in run("rules", "silence", "--rule", "many", "--for", "2h").output
    wrong = run("rules", "silence", "--rule", "mny", "--model", "flight", "--for", "2h").output
    assert "No rule known here fits 'mny'. Did you mean 'many'?" in wrong
    assert "No model known here fits 'flight'. Did you mean 'flight-delay'?" in wrong
    assert "It covers 0 open alerts." in wrong
    (ruled / "rules" / "own.yaml").write_text("rules: [\n")
    assert "holds until" in run("rules", "silence", "--rule", "many", "--for", "2h").stdout


def test_a_rule_is_replayed(run, ruled):
    """The past of a rule has its alerts, with what outcomes say of them, and a picture."""
    result = run("rules", "backtest", "moved", "--since", "90d", "--plot", "moved.png")
    assert result.exit_code == 0, result.output
    assert "moved" in result.stdout
    assert "a caret where it was too much" in result.output
    assert (ruled / "moved.png").read_bytes().startswith(b"\x89PNG")
    [row] = json.loads(run("rules", "backtest", "moved", "--since", "90d", "--format", "json").stdout)
    assert (row["alerts"], row["open"]) == (1, 1)
    [episode] = row["episodes"]
    assert (episode["model"], episode["subject"]) == ("flight-delay", "temp")
    assert episode["worst"] > 0.2


def test_a_rule_that_could_not_have_fired_says_why(run, ruled):
    """Too few events, a model that is not there, and a wrong model on the command line are told."""
    own = ruled / "rules" / "own.yaml"
    own.write_text(RULES.replace("metric: inferences", "min_n: 1000000\n    metric: inferences"))
    few = "no window of 7d has inferences and 1,000,000 events (min_n)."
    assert f"Could not fire: many: {few}" in run("rules", "backtest", "many").output
    assert f"nothing to tune 'many' on: {few}" in run("rules", "tune", "many").output
    own.write_text(RULES.replace("metric: inferences", "models: frud*\n    metric: inferences"))
    assert "the store has no model that fits frud*." in run("rules", "backtest", "many").output
    assert "There is no model 'frud'" in run("rules", "backtest", "--model", "frud").output


def test_an_empty_store_is_told_from_calm_rules(run, empty):
    """Where nothing was served yet no rule could fire, which is said once."""
    output = run("rules", "backtest").output
    assert output.count("has no inferences yet") == 1
    assert "Could not fire" not in output


def test_a_plot_needs_a_known_form(run, ruled):
    """A picture goes into a .png, a specification into a .json, and other names are refused."""
    run("rules", "backtest", "moved", "--plot", "moved.json")
    assert json.loads((ruled / "moved.json").read_text())["layer"]
    assert "must end in .png" in run("rules", "backtest", "moved", "--plot", "moved.pdf").output


def test_a_bound_is_proposed(run, ruled):
    """Tuning proposes a bound, and says in place of which."""
    result = run("rules", "tune", "many", "--rate", "0")
    assert result.exit_code == 0, result.output
    assert "Proposed: above: " in result.output
    assert "in place of 20. Its place: rules/own.yaml:3" in result.output
    assert "There is no rule 'mny'" in run("rules", "tune", "mny").output


def test_trials_are_run(run, ruled):
    """Right trials end with 0; a wrong one says where, and ends with 1."""
    assert run("rules", "test").output == "ok     many: fires\n1 of 1 trials are right.\n"
    (ruled / "rules" / "own.yaml").write_text(RULES.replace("[inactive, firing]", "[inactive, pending]"))
    result = run("rules", "test", "rules/own.yaml")
    assert result.exit_code == 1
    assert "at window 2 came firing, expected pending" in result.output


def test_rules_without_trials_say_so(run, ruled):
    """Where no rule has trials it is said where they are written."""
    (ruled / "rules" / "own.yaml").write_text(RULES.partition("    tests:")[0])
    assert "No rule has trials." in run("rules", "test").output


def test_the_schema_is_printed(run, empty):
    """The JSON Schema goes to stdout."""
    assert json.loads(run("rules", "schema").stdout)["title"] == "Rules of mlmon"


def test_a_notifier_that_is_down_is_told(run, ruled):
    """A pass that could not tell ends with 1 and says why; nothing is lost."""
    with (ruled / "mlmon.yaml").open("a") as file:
        file.write("")
    (ruled / "mlmon.yaml").write_text(
        SETTINGS.replace(
            "builtin: false", "builtin: false, routes: {am: {alertmanager: 'http://127.0.0.1:9'}}"
        )
    )
    result = run("rules", "evaluate")
    assert result.exit_code == 1
    assert "Alertmanager at 127.0.0.1:9 cannot be reached" in result.output
    assert "sent by the next pass" in result.output


def test_passes_go_on_and_take_new_rules(command, ruled):
    """With --every the rules are judged again and again; a file that changes is read, a mistake is told."""
    process = subprocess.Popen(
        [*command, "rules", "evaluate", "--every", "1s"],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=ruled,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        lines = iter(process.stdout.readline, "")
        assert any("2 open" in line or " open" in line for line in lines)
        (ruled / "rules" / "own.yaml").write_text(RULES.replace("above: 20", "abov: 20"))
        assert any("The rules of before go on: rules/own.yaml:7" in line for line in lines)
        (ruled / "rules" / "own.yaml").write_text("rules: []\n")
        assert any("The rules have changed; there are 0." in line for line in lines)
        assert any("0 open" in line for line in lines)
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=120)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 0
