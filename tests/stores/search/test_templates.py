import json

import pytest

from mlmon.core.schema import Dataset
from mlmon.stores.search import templates
from mlmon.stores.search.facts import Facts
from mlmon.stores.search.templates import CUSTOM, Options, parts

CLUSTERS = {
    "elasticsearch": Facts(engine="elasticsearch", version=(9, 5, 0), licence="basic", has_ilm=True),
    "elasticsearch_without_ilm": Facts(engine="elasticsearch", version=(8, 19, 21), licence="basic"),
    "serverless": Facts(engine="elasticsearch", version=(9, 5, 0), flavour="serverless"),
    "opensearch": Facts(engine="opensearch", version=(3, 8, 0), has_ism=True),
}


@pytest.mark.parametrize("kind", CLUSTERS)
def test_what_a_cluster_is_given(kind, golden):
    """Every template and policy but the mappings is as it was read and agreed to."""
    made = {
        f"PUT {part.path}": part.body
        for part in parts(CLUSTERS[kind], Options())
        if not part.name.endswith("@mappings")
    }
    golden(f"search/templates_{kind}.json", json.dumps(made, indent=1, sort_keys=True) + "\n")


def test_a_template_is_put_after_what_it_is_composed_of():
    """Components and policies come before the templates that name them, and each named one is there."""
    seen: set[str] = set()
    for part in parts(CLUSTERS["elasticsearch"], Options()):
        assert set(part.body.get("composed_of", ())) <= seen
        seen.add(part.name)


def test_what_is_the_users_comes_last_and_so_wins():
    """`mlmon@custom` is the last component of each template."""
    for part in parts(CLUSTERS["elasticsearch"], Options()):
        if "composed_of" in part.body:
            assert part.body["composed_of"][-1] == CUSTOM


def test_a_namespace_has_templates_of_its_own_that_win():
    """With a namespace the templates match only its streams, and stand above those for all."""
    everyone = {part.name: part.body for part in parts(CLUSTERS["elasticsearch"], Options())}
    own = {
        part.name: part.body
        for part in parts(CLUSTERS["elasticsearch"], Options(namespace="team_a", shards=3, keep_events="7d"))
    }
    template = own["logs-mlmon.inference-team_a"]
    assert template["index_patterns"] == ["logs-mlmon.inference-team_a", "logs-mlmon.inference.*-team_a"]
    assert template["priority"] > everyone["logs-mlmon.inference"]["priority"] > 100
    settings = own["mlmon@settings-team_a"]["template"]["settings"]
    assert settings["index.number_of_shards"] == 3
    assert own["mlmon-events-team_a"]["policy"]["phases"]["delete"]["min_age"] == "7d"


def test_evaluations_are_kept_by_a_key_of_their_own():
    """Events, evaluations and results are deleted each at the age that is set for them."""
    options = Options(keep_events="7d", keep_evaluations="60d", keep_results="300d")
    made = {part.name: part.body for part in parts(CLUSTERS["elasticsearch"], options)}
    ages = {
        name: made[f"mlmon-{name}"]["policy"]["phases"]["delete"]["min_age"]
        for name in ("events", "evaluations", "results")
    }
    assert ages == {"events": "7d", "evaluations": "60d", "results": "300d"}


@pytest.mark.parametrize("engine", ["elasticsearch", "opensearch"])
@pytest.mark.parametrize(
    ("keep", "age", "is_warm"), [("4w", "28d", True), ("1d", "1d", False), ("48h", "48h", False)]
)
def test_any_time_to_keep_is_one_that_a_cluster_knows(engine, keep, age, is_warm):
    """Weeks are said in days, and what goes within two days is not merged before."""
    made = {part.name: part.body for part in parts(CLUSTERS[engine], Options(keep_events=keep))}
    policy = made["mlmon-events"]["policy"]
    if engine == "elasticsearch":
        assert policy["phases"]["delete"]["min_age"] == age
        assert ("warm" in policy["phases"]) == is_warm
    else:
        last = {state["name"]: state["transitions"] for state in policy["states"]}[
            "warm" if is_warm else "hot"
        ]
        assert last == [{"state_name": "delete", "conditions": {"min_index_age": age}}]


def test_every_dataset_has_a_template():
    """No dataset is without a template, so that none of its documents gets guessed types."""
    names = {part.name.removeprefix("logs-") for part in parts(CLUSTERS["opensearch"], Options())}
    assert {str(dataset) for dataset in Dataset} <= names


def test_the_digest_follows_the_content():
    """Two parts have the same digest just when they say the same."""
    first = {part.name: part.body for part in parts(CLUSTERS["elasticsearch"], Options())}
    second = {part.name: part.body for part in parts(CLUSTERS["elasticsearch"], Options(shards=2))}
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {templates.SETTINGS}
    digests = [each[templates.SETTINGS]["_meta"]["digest"] for each in (first, second)]
    assert digests[0] != digests[1]
