import importlib.util
import json
import sys
from contextlib import ExitStack

import pytest


@pytest.fixture
def serve(root):
    """Give a function that serves a stub of Kibana with ways of its own; all end with the test."""
    path = root / "tests" / "kibana" / "stub_kibana.py"
    spec = importlib.util.spec_from_file_location("stub_kibana", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["stub_kibana"] = module
    spec.loader.exec_module(module)
    with ExitStack() as stack:

        def start(certificate=None, **ways):
            return stack.enter_context(module.running(module.StubKibana(**ways), certificate))

        yield start


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Work in a folder of one's own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("target", "told"),
    [("kibana", ""), ("opensearch", "Not shown: by-service on service. Without error_rate: OpenSearch")],
)
def test_rendering_writes_a_file_to_import(run, here, target, told):
    """The file has an object a line, the dashboards last; what is not shown is told with its reason."""
    done = run("dashboards", "render", "--target", target, "--out", "boards")
    assert done.exit_code == 0, done.output
    path = here / "boards" / f"mlmon-{target}.ndjson"
    assert done.stdout == f"boards/mlmon-{target}.ndjson\n"
    objects = [json.loads(line) for line in path.read_text().splitlines()]
    assert objects[-1]["type"] == "dashboard"
    assert told in done.stderr
    assert ("Not shown" in done.stderr) is bool(told)
    assert f"{len(objects)} objects." in done.stderr


def test_rendering_without_a_folder_prints_the_file(run, here):
    """What would be the file goes to stdout, of any size of windows that results can have."""
    done = run("dashboards", "render", "--target", "kibana", "--size", "30d")
    kinds = {json.loads(line)["type"] for line in done.stdout.splitlines()}
    assert {"dashboard", "lens", "index-pattern", "search"} <= kinds


def test_the_target_is_that_of_the_store(run, here):
    """With a store in OpenSearch the dashboards are those of OpenSearch Dashboards, of its namespace."""
    (here / "mlmon.yaml").write_text(
        "store: {url: 'opensearch://localhost:9200', namespace: team_a}\nkibana: {space: default}\n"
    )
    run("dashboards", "render", "--out", ".")
    text = (here / "mlmon-opensearch.ndjson").read_text()
    assert "logs-mlmon.inference-team_a" in text
    assert all(json.loads(line)["id"].startswith("mlmon-team_a-") for line in text.splitlines())


def test_a_push_puts_all_and_a_diff_then_has_nothing_to_do(run, here, serve):
    """A diff names what is new, a push puts it, and the next diff finds all as it should be."""
    stub = serve()
    before = run("dashboards", "diff", "--kibana", stub.url)
    assert before.exit_code == 0, before.output
    assert "+ dashboard mlmon-dashboard-overview: mlmon: All models" in before.stdout
    assert not stub.objects["default"]
    pushed = run("dashboards", "push", "--kibana", stub.url)
    assert pushed.exit_code == 0, pushed.output
    assert pushed.stdout == f"Kibana at {stub.url}\n"
    assert f"Begin here: {stub.url}/app/dashboards#/view/mlmon-dashboard-overview" in pushed.stderr
    after = run("dashboards", "diff", "--kibana", stub.url)
    assert after.stdout == f"Kibana at {stub.url}\n"
    assert f"0 objects would be put, {len(stub.objects['default'])} are as they should be." in after.stderr


def test_a_diff_shows_each_key_also_within_texts(run, here, serve):
    """Keys that differ are shown with both values, and those of JSON within a text one by one."""
    stub = serve()
    run("dashboards", "push", "--kibana", stub.url)
    board = stub.objects["default"]["dashboard", "mlmon-dashboard-model"]
    board["attributes"]["title"] = "mine"
    board["attributes"]["optionsJSON"] = board["attributes"]["optionsJSON"].replace('"useMargins":true', "")
    board["attributes"]["optionsJSON"] = '{"syncColors": true, "syncCursor": true, "syncTooltips": true}'
    board["typeMigrationVersion"] = "10.2.0"
    shown = run("dashboards", "diff", "--kibana", stub.url)
    assert "~ dashboard mlmon-dashboard-model: mlmon: One model" in shown.stdout
    assert "    title: mine -> mlmon: One model" in shown.stdout
    assert "    optionsJSON.useMargins: (none) -> True" in shown.stdout
    assert "syncColors" not in shown.stdout
    assert "1 objects would be put" in shown.stderr


def test_settings_say_where_kibana_is_and_who_asks(run, here, serve, certificates, monkeypatch):
    """Address, space and authority are settings; the key comes from the environment and is not shown."""
    stub = serve(certificates.server, credentials="ApiKey sesame", spaces=("default", "team"))
    (here / "mlmon.yaml").write_text(
        f"kibana: {{url: '{stub.url}', space: team, ca_file: '{certificates.ca}'}}\n"
    )
    monkeypatch.setenv("MLMON_KIBANA_KEY", "sesame")
    done = run("dashboards", "push")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"Kibana at {stub.url}, space team\n"
    assert ("dashboard", "mlmon-team-dashboard-model") in stub.objects["team"]
    assert "sesame" not in done.output + run("config").output


def test_hours_have_dashboards_of_their_own(run, here, serve):
    """Another size of windows adds dashboards, and leaves those of days."""
    stub = serve()
    run("dashboards", "push", "--kibana", stub.url)
    days = len(stub.objects["default"])
    assert run("dashboards", "push", "--kibana", stub.url, "--size", "1h").exit_code == 0
    assert len(stub.objects["default"]) > days
    assert ("dashboard", "mlmon-dashboard-model-1h") in stub.objects["default"]


def test_opensearch_dashboards_is_pushed_to(run, here, serve):
    """The same command puts dashboards into OpenSearch Dashboards."""
    stub = serve(xsrf="osd-xsrf", version="3.8.0")
    done = run("dashboards", "push", "--target", "opensearch", "--kibana", stub.url)
    assert done.exit_code == 0, done.output
    assert "Not shown: by-service on service." in done.stderr
    assert {kind for kind, _ in stub.objects["default"]} == {
        "index-pattern", "visualization", "search", "dashboard",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        ((), 2, "It is not said where Kibana is."),
        (("--kibana", "kibana"), 2, "is no address of Kibana"),
        (("--kibana", "http://127.0.0.1:9", "--space", "No Space"), 2, "is no space"),
    ],
)
def test_what_cannot_be_meant(run, here, words, code, told):
    """An address that is none is wrong usage, told in one sentence."""
    done = run("dashboards", "push", *words)
    assert done.exit_code == code
    assert told in " ".join(done.stderr.split())


def test_what_kibana_refuses_is_told(run, here, serve):
    """A space that is not there, and an object that is not taken, are errors of a peer."""
    stub = serve(spaces=("default", "team"), fail={"mlmon-lens-drift": {"type": "unknown", "message": "no"}})
    wrong = run("dashboards", "push", "--kibana", stub.url, "--space", "taem")
    assert (wrong.exit_code, "It has default, team." in " ".join(wrong.stderr.split())) == (3, True)


@pytest.mark.slow
def test_setting_up_provisions_kibana_too(run, here, serve, engine, monkeypatch):
    """With Kibana named a set-up puts its dashboards, a dry run shows them, and the doctor finds them."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", "kibana_test")
    target = "opensearch" if engine.kind == "opensearch" else "kibana"
    ways = {"xsrf": "osd-xsrf", "version": "3.8.0"} if target == "opensearch" else {}
    stub = serve(**ways)
    words = ("--store", engine.store_url, "--kibana", stub.url)
    try:
        dry = run("setup", "--dry-run", *words)
        assert dry.exit_code == 0, dry.output
        assert "+ dashboard mlmon-kibana_test-dashboard-model" in dry.stdout
        assert not stub.objects["default"]
        done = run("setup", *words)
        assert done.exit_code == 0, done.output
        assert ("dashboard", "mlmon-kibana_test-dashboard-model") in stub.objects["default"]
        monkeypatch.setenv("MLMON_KIBANA_URL", stub.url)
        checks = run("doctor", "--store", engine.store_url, "--format", "json")
        found = {each["check"]: each for each in json.loads(checks.stdout)}
        assert found["kibana"]["status"] == "ok"
        assert found["dashboards"]["status"] == "ok"
        stub.objects["default"].popitem()
        again = run("doctor", "--store", engine.store_url, "--format", "json")
        found = {each["check"]: each for each in json.loads(again.stdout)}
        assert found["dashboards"]["status"] == "warn"
        assert "1 are not there" in found["dashboards"]["detail"]
        stub.unready = 100
        ill = run("doctor", "--store", engine.store_url, "--format", "json")
        found = {each["check"]: each for each in json.loads(ill.stdout)}
        assert found["kibana"]["status"] == "fail"
    finally:
        monkeypatch.delenv("MLMON_KIBANA_URL", raising=False)
        assert run("setup", "--remove", "--store", engine.store_url).exit_code == 0
