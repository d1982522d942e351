import base64
import json
import os
import subprocess
import sys

import pytest

from mlmon.core.errors import ConfigError, UsageError, WireError
from mlmon.kibana.access import Access, Target, checked
from mlmon.kibana.client import Client
from mlmon.kibana.dashboards import render

SOME = [
    {"type": "index-pattern", "id": "view", "attributes": {"title": "logs"}, "references": []},
    {
        "type": "lens",
        "id": "lens",
        "attributes": {"title": "How?"},
        "references": [{"type": "index-pattern", "id": "view", "name": "n"}],
    },
]


@pytest.fixture
def serve(stub_kibana):
    """Give a function that serves a stub with these ways of its own; all end with the test."""
    from contextlib import ExitStack

    with ExitStack() as stack:

        def start(certificate=None, **ways):
            return stack.enter_context(stub_kibana.running(stub_kibana.StubKibana(**ways), certificate))

        yield start


@pytest.fixture
def connect():
    """Give a function that connects to a stub without real pauses; all are closed with the test."""
    made = []

    def start(stub, *, answer_s=5.0, patience_s=1.0, tell=lambda _: None, **access):
        client = Client(
            Access(url=stub.url, **access),
            answer_s=answer_s,
            patience_s=patience_s,
            pause_s=0.1,
            sleep=lambda _: None,
            tell=tell,
        )
        made.append(client)
        return client

    yield start
    for client in made:
        client.close()


def test_all_dashboards_are_taken(serve, connect, rendered):
    """Everything that is rendered is imported, and what is there is what was rendered."""
    stub = serve()
    client = connect(stub)
    assert client.version() == "9.5.0"
    assert client.push(rendered.objects) == len(rendered.objects)
    assert list(stub.objects["default"].values()) == rendered.objects


def test_pushing_again_overwrites(serve, connect, rendered):
    """A second push takes the place of the first, and adds nothing."""
    stub = serve()
    client = connect(stub)
    client.push(rendered.objects)
    assert client.push(rendered.objects) == len(rendered.objects)
    assert len(stub.objects["default"]) == len(rendered.objects)


def test_a_kibana_that_starts_is_waited_for(serve, connect):
    """While it answers 503 it is asked again, and then the job is done."""
    stub = serve(unready=4)
    client = connect(stub)
    assert client.version() == "9.5.0"
    stub.unready = 2
    assert client.push(SOME) == 2


def test_a_kibana_that_never_gets_ready_is_told(serve, connect):
    """After its time the waiting ends, with what to do."""
    with pytest.raises(WireError, match=r"not ready yet: 503 Kibana server is not ready yet.*run this again"):
        connect(serve(unready=10_000)).version()


def test_a_status_that_is_not_available_is_waited_for(serve, connect):
    """A Kibana that answers and says that it is not available is not ready."""
    told = {
        "version": {"number": "9.5.0"},
        "status": {"overall": {"level": "critical", "summary": "no store"}},
    }
    with pytest.raises(WireError, match="not ready yet: no store"):
        connect(serve(say=(200, json.dumps(told).encode()))).version()


def test_nobody_there(connect, stub_kibana):
    """An address where nothing listens is told as such."""
    stub = stub_kibana.StubKibana(url="http://127.0.0.1:9")
    with pytest.raises(WireError, match=r"Kibana at http://127.0.0.1:9 cannot be reached: .*refused"):
        connect(stub).version()


def test_one_failed_object_is_tried_again(serve, connect, rendered):
    """An object that fails once is there after the second try, and so are those that name it."""
    lens = next(each["id"] for each in rendered.objects if each["type"] == "lens")
    stub = serve(fail_once={lens: {"type": "unknown", "message": "the store is busy", "statusCode": 503}})
    assert connect(stub).push(rendered.objects) == len(rendered.objects)
    assert len(stub.objects["default"]) == len(rendered.objects)


def test_a_missing_data_view_fails_what_names_it_and_is_mended(serve, connect, rendered):
    """Objects that name a view that was not taken fail with its name; once it is taken, all are there."""
    view = rendered.objects[0]["id"]
    stub = serve()
    with pytest.raises(WireError, match=f"names index-pattern {view}, which is not there.*run this again"):
        connect(stub).push(rendered.objects[1:])
    assert connect(stub).push(rendered.objects) == len(rendered.objects)


def test_errors_are_told_by_object_and_a_retry_finishes_the_job(serve, connect, rendered):
    """What lasts is told by object; the rest is there; when the reason is gone a further push ends it."""
    bad = [each["id"] for each in rendered.objects if each["type"] == "lens"][:7]
    reasons = [
        {"type": "conflict"}, {"type": "ambiguous_conflict"}, {"type": "unsupported_type"},
        {"type": "unknown", "message": "no room"}, {"type": "unknown"}, {"type": "conflict"},
        {"type": "conflict"},
    ]  # fmt: skip
    stub = serve(fail=dict(zip(bad, reasons, strict=True)))
    client = connect(stub)
    with pytest.raises(WireError) as failed:
        client.push(rendered.objects)
    told = str(failed.value)
    assert f"did not take 7 of {len(rendered.objects)} objects" in told
    assert f"lens {bad[0]}: another object has its id" in told
    assert "not known there" in told
    assert "no room" in told
    assert "and 2 more" in told
    assert len(stub.objects["default"]) == len(rendered.objects) - 7
    stub.fail.clear()
    assert client.push(rendered.objects) == len(rendered.objects)


def test_spaces(serve, connect):
    """Objects go into the space that is named."""
    stub = serve(spaces=("default", "team"))
    client = connect(stub, space="team")
    client.check_space()
    client.push(SOME)
    assert stub.objects["team"].keys() == {("index-pattern", "view"), ("lens", "lens")}
    assert not stub.objects["default"]


def test_a_wrong_space(serve, connect):
    """A space that is not there is told with those that are, before anything is pushed."""
    stub = serve(spaces=("default", "team"))
    client = connect(stub, space="taem")
    with pytest.raises(WireError, match=r"no space 'taem'. It has default, team"):
        client.check_space()
    with pytest.raises(WireError, match=r"no such place \(404\)"):
        client.push(SOME)


@pytest.mark.parametrize("version", ["8.4.3", "7.17.0", "next"])
def test_an_older_kibana(serve, connect, version):
    """A Kibana that cannot import the form of 8.9 is refused by its version."""
    with pytest.raises(WireError, match=r"dashboards are written for 8\.9 and later"):
        connect(serve(version=version)).version()


def test_a_key_that_is_not_known(serve, connect):
    """Kibana tells strangers that it is well, but not its version: that is told as a missing way in."""
    with pytest.raises(WireError, match=r"only to those it lets in\. Set MLMON_KIBANA_KEY"):
        connect(serve(version="")).version()
    with pytest.raises(WireError, match=r"only to those it lets in\. Set kibana\.user"):
        connect(serve(version=""), target=Target.OPENSEARCH).version()


def test_without_the_client_it_is_said_what_to_install():
    """Where kibana-api is not installed, the extra that brings it is named."""
    code = "import sys; sys.modules['kibana_api'] = None; import mlmon.kibana.client"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert "pip install 'mlmon[kibana]'" in done.stderr


def test_the_address_of_a_dashboard(connect, stub_kibana):
    """A dashboard is opened in its space, below the server's own path."""
    stub = stub_kibana.StubKibana(url="https://host/kibana")
    assert connect(stub, space="team").address("b") == "https://host/kibana/s/team/app/dashboards#/view/b"
    assert connect(stub).address("b") == "https://host/kibana/app/dashboards#/view/b"


@pytest.mark.parametrize("version", ["8.9.0", "8.19.3", "9.5.0-SNAPSHOT", "10.0.0"])
def test_versions_that_import(serve, connect, version):
    """From 8.9 on every Kibana will do."""
    assert connect(serve(version=version)).version() == version


def test_the_cluster_is_not_taken_for_kibana(serve, connect):
    """Who names the cluster's address is told so, and what to name."""
    stub = serve(say=(400, b'{"error": "no handler found for uri [/api/status] and method [GET]"}'))
    with pytest.raises(WireError, match=r"is the cluster, and not Kibana\. Name the other address"):
        connect(stub).version()


def test_who_waits_hears_once_for_what(serve, connect):
    """The first time that it is not ready is told, with the reason and for how long it is waited for."""
    heard: list[str] = []
    assert connect(serve(unready=3), tell=heard.append).version() == "9.5.0"
    [told] = heard
    assert "is not ready yet: 503" in told
    assert told.endswith("It is waited for, up to 1 s.")


def test_a_slow_kibana(serve, connect):
    """One that does not answer in time is waited for, and told in the end."""
    with pytest.raises(WireError, match="did not answer in time"):
        connect(serve(delay_s=0.5), answer_s=0.05, patience_s=0.15).version()


def test_an_api_key(serve, connect):
    """The key goes into the header; a wrong one is told, and is not in the message."""
    stub = serve(credentials="ApiKey good")
    assert connect(stub, api_key="good").push(SOME) == 2
    with pytest.raises(WireError, match=r"\(401\).*MLMON_KIBANA_KEY") as refused:
        connect(stub, api_key="s3cret").version()
    assert "s3cret" not in str(refused.value)


def test_a_user_with_a_password(serve, connect):
    """Basic authentication lets a user in, also one with letters beyond ASCII."""
    token = base64.b64encode("jörg:gehäim".encode()).decode()
    stub = serve(credentials=f"Basic {token}")
    assert connect(stub, user="jörg", password="gehäim").version() == "9.5.0"


def test_a_private_authority(serve, connect, certificates):
    """With its authority named a server is believed, and without it is not."""
    stub = serve(certificate=certificates.server)
    assert connect(stub, ca_file=certificates.ca).version() == "9.5.0"
    with pytest.raises(WireError, match=r"not trusted.*kibana.ca_file"):
        connect(stub).version()


def test_a_path_before_kibana(serve, connect):
    """An address with a path, as proxies and server.basePath make it, is kept for every request."""
    stub = serve(base_path="/kibana", spaces=("default", "team"))
    client = connect(stub, space="team")
    assert client.version() == "9.5.0"
    client.check_space()
    assert client.push(SOME) == 2
    assert len(client.existing(SOME)) == 2
    assert all(path.startswith("/kibana/") and "//" not in path for _, path in stub.requests)


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (403, b'{"message": "Unable to bulk_create lens"}', r"\(403\): Unable to bulk_create lens"),
        (404, b'{"message": "Not Found"}', r"no such place \(404\).*server.basePath"),
        (413, b"", r"\(413\).*maxImportPayloadBytes"),
        (302, b"", r"refused it \(302\): no reason given"),
        (400, b"[]", r"refused it \(400\)"),
        (500, b"<html>oops</html>", r"refused it \(500\): <html>oops</html>"),
        (200, b"<html>a login page</html>", "speaks no JSON, so it is no Kibana"),
    ],
)
def test_what_else_may_answer(serve, connect, status, body, told):
    """Whatever a server answers, a person hears which server, what it said, and what to look at."""
    with pytest.raises(WireError, match=told):
        connect(serve(say=(status, body))).version()


@pytest.mark.parametrize("body", [b'{"message": "no such type"}', b"[]", b"?"])
def test_an_export_that_is_refused(serve, connect, body):
    """A refusal that names no objects is told, and is not taken for objects that are not there."""
    with pytest.raises(WireError, match=r"refused it \(400\)"):
        connect(serve(say=(400, body))).existing(SOME)


def test_what_is_there_is_read_back(serve, connect, rendered):
    """Of the objects that are rendered those that are there are found, and no others of the same types."""
    stub = serve()
    client = connect(stub)
    stub.objects["default"]["lens", "mine"] = {"type": "lens", "id": "mine", "attributes": {}}
    assert client.existing(rendered.objects) == {}
    client.push(SOME)
    assert client.existing([*SOME, *rendered.objects]).keys() == {("index-pattern", "view"), ("lens", "lens")}
    client.push(rendered.objects)
    assert len(client.existing(rendered.objects)) == len(rendered.objects)


def test_opensearch_dashboards_wants_another_header(serve, connect):
    """OpenSearch Dashboards is asked with its own header and held against its own versions."""
    stub = serve(xsrf="osd-xsrf", version="3.8.0")
    client = connect(stub, target=Target.OPENSEARCH, user="admin", password="secret")
    assert client.version() == "3.8.0"
    assert client.push(SOME) == 2
    assert client.name == f"OpenSearch Dashboards at {stub.url}"


def test_what_is_put_into_opensearch_dashboards_is_for_all():
    """Dashboards go to the tenant that everybody shares, where tenants are used."""
    headers = Access(url="https://osd", target=Target.OPENSEARCH, user="me", password="p").headers()
    assert headers["securitytenant"] == "global"


@pytest.mark.parametrize(
    ("access", "error", "told"),
    [
        ({"url": "kibana:5601"}, UsageError, "no address of Kibana"),
        ({"url": "https://["}, UsageError, "no address of Kibana"),
        ({"url": "https://me:secret@kibana"}, UsageError, "has a user in it"),
        ({"url": "https://kibana", "space": "My Space"}, UsageError, "'My Space' is no space"),
        ({"url": "https://kibana", "api_key": "k", "user": "me"}, ConfigError, "two ways"),
        ({"url": "https://kibana", "user": "me"}, ConfigError, "needs both"),
        ({"url": "https://kibana", "password": "p"}, ConfigError, "needs both"),
        ({"url": "http://kibana", "api_key": "k"}, ConfigError, "clear text"),
        ({"url": "https://kibana", "ca_file": "/nowhere/ca.pem"}, ConfigError, "no such file"),
        ({"url": "https://osd", "target": Target.OPENSEARCH, "space": "team"}, UsageError, "no spaces"),
        ({"url": "https://osd", "target": Target.OPENSEARCH, "api_key": "k"}, ConfigError, "no API keys"),
    ],
)
def test_an_access_that_cannot_be_meant(access, error, told):
    """What cannot be meant is refused before anything is sent, and without a secret in the message."""
    with pytest.raises(error, match=told) as refused:
        checked(Access(**access))
    assert "secret" not in str(refused.value).replace("The secret", "")


@pytest.mark.parametrize(
    "url", ["https://kibana:5601/path", "http://localhost:5601", "http://127.0.0.1:5601"]
)
def test_an_access_that_is_well(url):
    """TLS, or a machine of one's own, may carry a secret."""
    access = Access(url=url, api_key="hidden")
    assert checked(access) is access
    assert "hidden" not in repr(access)


def test_a_real_kibana(frame, require):
    """All dashboards are imported into a real Kibana, and are found there."""
    url = require("kibana")
    client = Client(checked(Access(url=url, api_key=os.environ.get("KIBANA_KEY"))))
    try:
        client.version()
        objects = render(frame).objects
        assert client.push(objects) == len(objects)
        assert len(client.existing(objects)) == len(objects)
    finally:
        client.close()


RULE = {
    "name": "mlmon: errors", "rule_type_id": ".es-query", "consumer": "stackAlerts", "tags": ["mlmon"],
    "schedule": {"interval": "5m"}, "params": {"threshold": [2]}, "actions": [],
}  # fmt: skip


def test_a_rule_put_again_takes_its_own_place(serve, connect):
    """The first put makes a rule, the second changes what can be changed."""
    stub = serve(unready=1)
    client = connect(stub)
    assert [client.put_rule("r1", RULE), client.put_rule("r1", RULE | {"tags": ["new"]})] == [True, False]
    assert stub.rules == {"r1": RULE | {"tags": ["new"]}}


def test_a_rule_with_an_unknown_key_is_refused(serve, connect):
    """What Kibana says of it is told."""
    with pytest.raises(WireError, match=r"refused it \(400\).*body.treshold"):
        connect(serve()).put_rule("r1", RULE | {"treshold": 3})
