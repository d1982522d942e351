"""What a cluster is given, held against the descriptions that the makers of the engines publish."""

import copy

import pytest

from mlmon.stores.search import roles
from mlmon.stores.search.facts import Facts
from mlmon.stores.search.roles import Role
from mlmon.stores.search.templates import Options, parts

CLUSTERS = {
    "with ILM": Facts(engine="elasticsearch", version=(9, 5, 0), licence="basic", has_ilm=True),
    "without ILM": Facts(engine="elasticsearch", version=(8, 19, 21), licence="basic"),
    "serverless": Facts(engine="elasticsearch", version=(9, 5, 0), flavour="serverless"),
}
OPTIONS = [Options(), Options(namespace="team_a", shards=3, replicas=2, keep_events="7d")]
ENDPOINTS = {
    "lifecycle policy": "ilm.put_lifecycle",
    "component template": "cluster.put_component_template",
    "ingest pipeline": "ingest.put_pipeline",
    "index template": "indices.put_index_template",
}
TYPES = {
    "state policy": ("_types/ism._common", "PolicyEnvelope"),
    "component template": ("cluster/putComponentTemplate", "Cluster_PutComponentTemplate_RequestBody"),
    "ingest pipeline": ("ingest/putPipeline", "Ingest_PutPipeline_RequestBody"),
    "index template": ("indices/putIndexTemplate", "Indices_PutIndexTemplate_RequestBody"),
    "role": ("_types/security._common", "Role"),
}


def nested(settings):
    """Settings with dotted keys as the tree that they mean."""
    tree: dict = {}
    for key, value in settings.items():
        *path, last = key.split(".")
        branch = tree
        for part in path:
            branch = branch.setdefault(part, {})
        branch[last] = value
    return tree


def told(body):
    """A body with its settings as a tree, which is how the descriptions have them."""
    body = copy.deepcopy(body)
    template = body.get("template", {})
    if "settings" in template:
        template["settings"] = nested(template["settings"])
    return body


def rendered(facts):
    """All that clusters of a kind are given: kind, name and body of each."""
    return [(part.kind, part.name, told(part.body)) for of in OPTIONS for part in parts(facts, of)]


@pytest.mark.parametrize("kind", CLUSTERS)
def test_elastic_s_schema_knows_all_that_is_put(kind, elastic_complaints):
    """Each policy and template has only keys and words that Elastic's published schema declares."""
    for part, name, body in rendered(CLUSTERS[kind]):
        assert elastic_complaints(ENDPOINTS[part], body) == [], name


@pytest.mark.parametrize("namespace", ["*", "team_a"])
def test_elastic_s_schema_knows_all_privileges(namespace, elastic_complaints):
    """Each role has only keys and privileges that Elastic's published schema declares."""
    for role in Role:
        assert elastic_complaints("security.put_role", roles.elasticsearch(role, namespace)) == [], role


@pytest.mark.parametrize(
    ("name", "path", "wrong"),
    [
        ("mlmon-events", "policy.phases.hot.actions.rollover.max_primary_shard_sizes", "50gb"),
        ("mlmon-events", "policy.phases.delete.min_age", "30 days"),
        ("mlmon-events", "policy.phases.warn", {"actions": {}}),
        ("mlmon@settings", "template.settings.index.refresh_intervall", "5s"),
        ("mlmon-events@settings", "template.settings.index.default_pipelines", "mlmon-ingested"),
        ("mlmon-ingested", "processors.0.script.langs", "painless"),
        ("mlmon-ingested", "processors.0.scripts", {}),
        ("mlmon@settings", "template.settings.index.mapping.total_fields.limits", 1000),
        ("mlmon.inference@mappings", "template.mappings.properties.message.type", "keywords"),
        ("mlmon.inference@mappings", "template.mappings.properties.message.ignore_over", 1024),
        ("mlmon.inference@mappings", "template.mappings.dynamics", False),
        ("logs-mlmon.inference", "data_stream.hide", True),
        ("logs-mlmon.inference", "compose_of", []),
    ],
)
def test_a_slip_in_what_is_put_is_seen(name, path, wrong, elastic_complaints):
    """A key or word that is not declared, at any depth, is a complaint."""
    kind, body = next((kind, body) for kind, each, body in rendered(CLUSTERS["with ILM"]) if each == name)
    changed(body, path, wrong)
    assert elastic_complaints(ENDPOINTS[kind], body)


def test_a_slip_in_a_role_is_seen(elastic_complaints):
    """A privilege that Elasticsearch does not have is a complaint."""
    for path in ("cluster", "indices.0.privileges"):
        body = copy.deepcopy(roles.elasticsearch(Role.ANALYZER))
        changed(body, path, ["read_everything"])
        assert elastic_complaints("security.put_role", body)


def changed(body, path, value):
    """Set what is at a path of keys and places."""
    *before, last = path.split(".")
    for part in before:
        body = body[int(part) if isinstance(body, list) else part]
    body[last] = value


def for_opensearch(edit=lambda _: None):
    """All that an OpenSearch is given, as module, type and body."""
    found = rendered(Facts(engine="opensearch", version=(3, 8, 0), has_ism=True))
    found += [("role", role, roles.opensearch(role, "team_a")) for role in Role]
    edit({name: body for _, name, body in found})
    return [(*TYPES[kind], body) for kind, _, body in found]


def test_opensearch_s_types_know_all_that_is_put(opensearch_complaints):
    """Each policy, template and role fits the types that OpenSearch's own client declares.

    These leave open the conditions of a transition, the names of settings and of permissions.
    """
    assert opensearch_complaints(for_opensearch()) == ""


def test_each_slip_for_opensearch_is_seen(opensearch_complaints):
    """A key that no type has is a complaint, which names the key."""
    slips = {
        "mlmon-events": "policy.states.0.actions.0.rollover.min_index_ages",
        "mlmon-evaluations": "policy.states.1.transitions.0.state_named",
        "mlmon-results": "policy.ism_templates",
        "mlmon.inference@mappings": "template.mappings.dynamics",
        "mlmon-ingested": "processors.0.scripts",
        "logs-mlmon.inference": "compose_of",
        Role.WRITER: "cluster_permission",
    }

    def slip(bodies):
        for name, path in slips.items():
            changed(bodies[name], path, "1d")

    found = opensearch_complaints(for_opensearch(slip))
    assert [path for path in slips.values() if f'"{path.rpartition(".")[2]}"' not in found] == []
