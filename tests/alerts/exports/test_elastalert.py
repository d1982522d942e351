"""Rules as ElastAlert2's YAML, read by its own loader in an environment of its own."""

import json
import os
import subprocess
import sys

import pytest
import yaml
from msgspec.structs import replace

from mlmon.alerts.exports import elastalert
from mlmon.alerts.exports.search import RefusedError

PACKAGES = ("elastalert2==2.19.0", "pytz")  # it needs pytz, and does not say so
LOAD = """
import json, sys
from pathlib import Path
from elastalert.loaders import FileRulesLoader
from elastalert.util import EAException

conf = {
    "es_host": "127.0.0.1", "es_port": 9200, "writeback_index": "elastalert_status", "rules_folder": [],
    "scan_subdirectories": True, "custom_loader": "", "run_every": {"minutes": 1}, "is_enabled": True,
    "buffer_time": __import__("datetime").timedelta(minutes=15), "alert_time_limit": {"days": 2},
}
answers = {}
loader = FileRulesLoader(conf)
for path in sorted(Path(sys.argv[1]).glob("*.yaml")):
    try:
        rule = loader.load_configuration(str(path), dict(conf))
        answers[path.stem] = {"type": type(rule["type"]).__name__, "query_key": rule.get("query_key")}
    except EAException as error:
        answers[path.stem] = {"error": str(error)}
print(json.dumps(answers))
"""


def written(rules, place):
    """The options of each rule that ElastAlert2 can say."""
    return {name: elastalert.elastalert(rule, place) for name, rule in rules.items() if rule.size != "month"}


def test_each_rule_is_a_file(rules, place, golden):
    """Each kind of rule has its type, filter, groups and times."""
    golden("alerts/exports/elastalert.yaml", yaml.safe_dump(written(rules, place), sort_keys=False))


def test_months_are_refused(rules, place):
    """ElastAlert2 counts in days at most."""
    with pytest.raises(RefusedError, match=r"knows no months\. Give a window of days, such as 30d"):
        elastalert.elastalert(rules["drifted"], place)


@pytest.fixture(scope="module")
def loaded(from_pypi, tmp_path_factory):
    """Give a function that has ElastAlert2's own loader read options by name, and gives what it says."""
    home = from_pypi("elastalert2", *PACKAGES)

    def load(options):
        folder = tmp_path_factory.mktemp("rules")
        for name, each in options.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(each))
        command = [sys.executable, "-S", "-W", "ignore", "-c", LOAD, str(folder)]  # -S: nothing of ours
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=120,
            env={**os.environ, "PYTHONPATH": str(home)},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return load


@pytest.mark.slow
def test_its_own_loader_takes_every_rule(rules, place, loaded):
    """ElastAlert2's schema and loader find nothing wrong with any file, and give it the type meant."""
    of_mlmon = elastalert.elastalert(rules["drifted"], replace(place, by_mlmon=True))
    answers = loaded(written(rules, place) | {"of-mlmon": of_mlmon})
    kinds = {name: answer.get("type") or answer for name, answer in answers.items()}
    flat = {"too-quiet", "silent"}
    assert kinds == {name: "FlatlineRule" if name in flat else "FrequencyRule" for name in kinds}


@pytest.mark.slow
def test_its_own_loader_catches_a_typo(rules, place, loaded):
    """A rule without its count, and one of a type that is not there, are refused by the loader."""
    options = elastalert.elastalert(rules["errors"], place)
    without = {key: value for key, value in options.items() if key != "num_events"}
    answers = loaded({"without": without, "other": options | {"type": "frequent"}})
    assert all("error" in answer for answer in answers.values())
