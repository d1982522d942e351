"""`mlmon rules export`: rules as files for engines that judge by themselves."""

import json

import pytest
import yaml

RULES = """
rules:
  - name: errors-plain
    metric: error_rate
    window: 1h
    above: 5%
  - name: worse-than-before
    metric: f1
    window: 1d
    falls: 5%
    against: previous
"""


@pytest.fixture
def export(run, tmp_path, monkeypatch):
    """Give a function that exports in a folder with two rules, beside those that come with mlmon."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULES)
    return lambda *words: run("rules", "export", *words)


def test_all_that_can_be_said_is_printed(export):
    """Without a folder the bodies are printed, and each rule left out is told with its reason."""
    done = export("--to", "watcher", "errors-plain")
    assert done.exit_code == 0
    assert json.loads(done.stdout)["metadata"]["rule"] == "errors-plain"
    assert "1 rule exported, 0 left out." in done.stderr


def test_each_rule_is_a_file(export, tmp_path):
    """With a folder each rule is a file that bears its name."""
    done = export("--to", "elastalert", "--out", "ea")
    assert done.exit_code == 0
    names = {path.stem for path in (tmp_path / "ea").glob("*.yaml")}
    assert {"errors-plain", "silent", "worse"} <= names
    assert "worse-than-before" not in names
    assert yaml.safe_load((tmp_path / "ea" / "errors-plain.yaml").read_text())["type"] == "frequency"
    assert "not with the window before" in done.stderr


def test_a_rule_that_was_asked_for_and_cannot_be_said_is_an_error(export):
    """The exit code says that not all that was named was exported."""
    done = export("--to", "opensearch", "worse-than-before")
    assert done.exit_code == 1
    assert "cannot be exported: a search compares with a fixed bound" in done.stderr
    assert "0 rules exported, 1 left out.\nEvery rule can be told" in done.stderr


def test_what_is_printed_can_be_read(export):
    """Several rules on stdout are documents of one YAML stream."""
    printed = [each["name"] for each in yaml.safe_load_all(export("--to", "elastalert").stdout)]
    assert len(printed) > 2
    assert "mlmon-errors-plain" in printed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "watcher", "eror"), "There is no rule 'eror'"),
        (("--to", "elastalert", "--push"), "ElastAlert2 takes files only"),
        (("--to", "kibana", "--push"), "It is not said where Kibana is"),
        (("--to", "kibana", "--push", "--kibana", "here"), "'here' is no address of Kibana"),
        (("--to", "kibana", "--simulate"), "Only Watcher can run a rule once"),
        (("--to", "watcher", "--push"), "is a folder and needs no setting up"),
        (("--to", "watcher", "--push", "--store", "elasticsearch+http://h"), "is no address of a cluster"),
        (("--to", "watcher", "--notify", "pigeon"), "'pigeon' is no way for a watch to tell"),
    ],
)
def test_what_cannot_be_meant_is_told(export, words, said):
    """A wrong name, target or way is an error of one paragraph."""
    done = export(*words)
    assert done.exit_code != 0
    assert said in done.stderr
