"""The agents' configurations: what is written, that it reads as YAML, and what is refused."""

import re

import msgspec
import pytest
from msgspec import structs

from mlmon.core.errors import UsageError
from mlmon.pipelines.shippers import elastic_agent, filebeat, fluent_bit, vector
from mlmon.pipelines.shippers.options import KEY_VARIABLE, Options
from mlmon.pipelines.wrapped import MARK

AGENTS = {"filebeat": filebeat, "elastic-agent": elastic_agent, "fluent-bit": fluent_bit, "vector": vector}
BEATS = ("filebeat", "elastic-agent")
HTTP = ("fluent-bit", "vector")

# The options of each plugin that its agent knows, as far as they are of use here.
KNOWN = {
    "filestream": {
        "type", "id", "enabled", "paths", "prospector.scanner.fingerprint", "file_identity.fingerprint",
        "close.on_state_change.removed", "clean_removed", "message_max_bytes", "processors", "data_stream",
        "use_output", "streams",
    },
    "logstash": {
        "type", "hosts", "bulk_max_size", "compression_level", "ssl.enabled", "ssl.verification_mode",
        "ssl.certificate_authorities", "ssl.certificate", "ssl.key",
    },
    "tail": {
        "name", "tag", "path", "key", "path_key", "offset_key", "read_from_head", "refresh_interval",
        "rotate_wait", "buffer_chunk_size", "buffer_max_size", "skip_long_lines", "skip_empty_lines", "db",
        "db.sync", "storage.type", "storage.pause_on_chunks_overlimit",
    },
    "out_http": {
        "name", "match", "host", "port", "uri", "format", "json_date_key", "json_date_format", "compress",
        "retry_limit", "header", "tls", "tls.verify", "tls.verify_hostname", "tls.ca_file", "tls.crt_file",
        "tls.key_file",
    },
    "file": {
        "type", "include", "read_from", "max_line_bytes", "max_read_bytes", "fingerprint",
        "glob_minimum_cooldown_ms",
    },
    "http": {
        "type", "inputs", "uri", "method", "encoding", "framing", "compression", "batch", "acknowledgements",
        "buffer", "healthcheck", "request", "tls",
    },
}  # fmt: skip


def options(agent: str, **more: object) -> Options:
    """Make options that suit an agent, with TLS, a certificate and, by http, a key."""
    is_http = agent in HTTP
    made = Options(
        paths=("/var/log/*/events.log", "/srv/app.jsonl"),
        to="https://collector.example.org:5959" if is_http else "beats+tls://collector.example.org",
        ca="/etc/mlmon/ca.pem",
        certificate=None if is_http else "/etc/mlmon/agent.pem",
        has_key=is_http,
        data="/var/lib/agent",
    )
    return structs.replace(made, **more)


def rendered(agent: str, **more: object) -> str:
    """Render the one file of an agent."""
    [text] = AGENTS[agent].render(options(agent, **more)).values()
    return text


@pytest.mark.parametrize("agent", AGENTS)
def test_what_is_written(agent, golden):
    """The configuration with TLS is the one that was read and approved."""
    [(name, text)] = AGENTS[agent].render(options(agent)).items()
    golden(f"shippers/{name}", text)


@pytest.mark.parametrize("agent", AGENTS)
def test_every_option_is_one_that_the_agent_knows(agent):
    """No plugin is given an option that it does not have."""
    tree = msgspec.yaml.decode(rendered(agent))
    match agent:
        case "filebeat":
            used = {"filestream": tree["filebeat.inputs"][0], "logstash": tree["output.logstash"]}
        case "elastic-agent":
            [source] = tree["inputs"]
            used = {"filestream": source | source["streams"][0], "logstash": tree["outputs"]["mlmon"]}
        case "fluent-bit":
            used = {"tail": tree["pipeline"]["inputs"][0], "out_http": tree["pipeline"]["outputs"][0]}
        case _:
            used = {"file": tree["sources"]["mlmon_files"], "http": tree["sinks"]["mlmon"]}
    assert [
        (plugin, name) for plugin, given in used.items() for name in given if name not in KNOWN[plugin]
    ] == []


@pytest.mark.parametrize("agent", AGENTS)
def test_it_says_what_it_promises(agent):
    """The comments at the top say how to check it, and what is acknowledged."""
    head = "".join(line for line in rendered(agent).splitlines(keepends=True) if line.startswith("#"))
    assert "# Check: " in head
    assert "Acknowledged" in head
    assert max(map(len, head.splitlines())) <= 110


@pytest.mark.parametrize("agent", HTTP)
def test_no_file_holds_a_key(agent):
    """The key is named by its variable, and not asked for where none is wanted."""
    assert f"ApiKey ${{{KEY_VARIABLE}}}" in rendered(agent)
    assert "Authorization" not in rendered(agent, has_key=False)


@pytest.mark.parametrize("agent", AGENTS)
def test_without_tls(agent):
    """On one machine TLS is left out, and then nothing of it is in the file."""
    to = "http://127.0.0.1:5959" if agent in HTTP else "beats://127.0.0.1:5044"
    text = rendered(agent, to=to, ca=None, certificate=None)
    assert not re.search(r"tls|ssl", text)
    assert "127.0.0.1" in text


@pytest.mark.parametrize("agent", [*BEATS, "fluent-bit"])
def test_lines_are_marked(agent):
    """The agents that send records mark them, so that the collector takes the lines out."""
    assert f"{MARK}" in rendered(agent)
    assert "ndjson" not in rendered(agent)


@pytest.mark.parametrize("to", ["https://c:5959", "beats+tls://[::1]:7000"])
def test_ports_and_addresses_of_version_6(to):
    """A port that is given is taken, also behind an address in brackets."""
    agent = "vector" if to.startswith("https") else "filebeat"
    assert to.partition("://")[2] in rendered(agent, to=to)


@pytest.mark.parametrize(
    ("agent", "more", "told"),
    [
        ("vector", {"to": "tcp://c:5960"}, "is no address for this agent"),
        ("vector", {"to": "https://["}, "is no address for this agent"),
        ("filebeat", {"to": "https://c:5959"}, r"such as beats\+tls://"),
        ("vector", {"to": "http://c:5959", "has_key": False}, "Certificates are for TLS"),
        ("vector", {"to": "http://c:5959", "ca": None}, "in plain text"),
        ("filebeat", {"has_key": True}, "takes certificates, not keys"),
        ("filebeat", {"to": "beats+tls://c:99999"}, "'beats\\+tls://c:99999' is no address"),
        ("vector", {"to": "https://c:x"}, "'https://c:x' is no address"),
        ("vector", {"paths": ("/a.log", " ")}, "without a name"),
        ("elastic-agent", {"paths": ("",)}, "without a name"),
        ("fluent-bit", {"paths": ("/var/log/{a,b}.log",)}, "has a comma in it"),
    ],
)
def test_what_cannot_be_meant_is_refused(agent, more, told):
    """The message names the address and what to write instead."""
    with pytest.raises(UsageError, match=told):
        rendered(agent, **more)
