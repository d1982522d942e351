"""The whole way of a report, with real processes: a service, `mlmon up`, Prometheus' parser, the doctor."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import closing

import pytest
from prometheus_client.parser import text_string_to_metric_families

from mlmon.core import health
from mlmon.core.health import Part
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store

DEADLINE_S = 120
SERVICE = """
import sys
from mlmon.logging_sdk import ModelLogger
from mlmon.logging_sdk.spool import MemorySpool
log = ModelLogger("m", version="1", service="scoring", sample=0.5, ship=sys.argv[1],
                  spool=lambda: MemorySpool(max_records=100))
for number in range(20_000):
    log.predicted({"x": 1.0}, label="late", id=str(number))
log.close()
print(log.stats().emitted, log.stats().sampled_out, sum(log.stats().dropped.values()))
"""


@pytest.fixture
def up(command, tmp_path):
    """Give a running `mlmon up`, and its addresses by name."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    options = ("--http-port", "0", "--tcp-port", "0", "--beats-port", "0", "--port", "0", "--every", "1s")
    process = subprocess.Popen(
        [*command, "up", *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        cwd=tmp_path, env=environ,
    )  # fmt: skip
    with process:
        addresses: dict[str, str] = {}
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("A pass"):
                break
            match line.split():
                case [name, address]:
                    addresses[name] = address
        yield process, addresses
        process.kill()


def _read(address):
    with urllib.request.urlopen(f"{address}/metrics", timeout=DEADLINE_S) as answer:
        text = answer.read().decode()
    if shutil.which("promtool") is not None:
        said = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
        )
        assert (said.returncode, said.stderr) == (0, "")
    found: dict[tuple[str, str | None], float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            key = (sample.name.removeprefix("mlmon_"), sample.labels.get("reason"))
            found[key] = found.get(key, 0) + sample.value
    return found


def test_what_a_service_dropped_is_seen_by_prometheus_and_the_doctor(up, process, tmp_path):
    """Counts of the service, the collector's page, the page's page and the doctor's words are the same."""
    running, addresses = up
    done = subprocess.run(
        [sys.executable, "-c", SERVICE, addresses["http"]],
        capture_output=True, text=True, check=True, timeout=DEADLINE_S,
    )  # fmt: skip
    emitted, sampled_out, dropped = map(int, done.stdout.split())
    assert emitted + sampled_out == 20_000
    assert dropped > 0
    at_collector, at_page = _read(addresses["http"]), _read(addresses["page"])
    deadline = time.monotonic() + DEADLINE_S
    while ("analyzers_passes_total", None) not in at_page and time.monotonic() < deadline:
        time.sleep(0.1)  # the first pass may still be under way
        at_page = _read(addresses["page"])
    assert at_collector["collector_stored_total", None] == emitted - dropped + 1  # its report is one more
    assert at_page["producer_emitted_total", None] == emitted
    assert at_page["producer_sampled_out_total", None] == sampled_out
    assert at_page["producer_dropped_total", "spool_full"] == dropped
    assert at_page["producer_ended", None] == 1
    assert ("analyzers_passes_total", None) in at_page
    assert ("model_lag_seconds", None) in at_page
    running.send_signal(signal.SIGTERM)
    assert running.wait(DEADLINE_S) == 0
    rows = json.loads(process("doctor", "--format", "json", cwd=tmp_path).stdout)
    [lost] = [row for row in rows if row["check"] == "producer scoring"]
    assert f"dropped {dropped:,} event" in lost["detail"]
    with closing(open_store(tmp_path / "mlmon-data", read_only=True)) as store:
        documents = [each for batch in store.scan(Scan(dataset=Dataset.HEALTH)) for each in batch]
    last = {report.part: report for report in map(health.from_document, documents)}
    assert last[Part.COLLECTOR].counters[health.STORED] == emitted - dropped + 1
    assert last[Part.COLLECTOR].gauges[health.ENDED] == 1
