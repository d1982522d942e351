"""`GET /metrics` of the http door, read with Prometheus' own parsers."""

import http.client
import shutil
import subprocess

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mlmon.core.exposition import Form
from mlmon.pipelines.health import Watch

TIMEOUT_S = 60


def _get(opened, headers):
    host, port = opened.address("http")
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)
    connection.request("GET", "/metrics", headers=headers)
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.headers["Content-Type"], body


@pytest.fixture
def watched(pipeline, opened, tmp_path, line_of):
    """Give a collector with a watch that has taken two lines, one of them broken."""
    with opened(pipeline, watch=Watch(pipeline, tmp_path)) as found:
        pipeline.submit([line_of(1), b"{"], "test").result(TIMEOUT_S)
        yield found


@pytest.mark.parametrize(
    ("accept", "form", "parse"),
    [("*/*", Form.TEXT, parse_text), ("application/openmetrics-text", Form.OPENMETRICS, parse_openmetrics)],
)
def test_prometheus_reads_what_the_collector_did(watched, accept, form, parse):
    """Both formats have their content type, every counter, and the connection that asks among the open."""
    kind, body = _get(watched, {"Accept": accept})
    assert kind == str(form)
    read = {
        (sample.name, *sample.labels.values()): sample.value
        for family in parse(body)
        for sample in family.samples
    }
    assert read["mlmon_collector_received_total",] == 2
    assert read["mlmon_collector_stored_total",] == 1
    assert read["mlmon_collector_dead_lettered_total", "not_json"] == 1
    assert read["mlmon_collector_refused_total", "slow"] == 0
    assert read["mlmon_collector_connections",] == 1
    assert read["mlmon_collector_disk_free_bytes",] > 0


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
def test_promtool_has_nothing_to_say(watched):
    """Prometheus' own linter takes names, types and help as they are."""
    _, body = _get(watched, {})
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
