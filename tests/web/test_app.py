import asyncio
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import httpx
import pytest
from msgspec.structs import replace

from mlmon.core import schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.result import Metric
from mlmon.core.schema import Dataset
from mlmon.core.window import Window
from mlmon.stores.embedded import open_store
from mlmon.web import units
from mlmon.web.app import app

EVIL = '<script>alert("x")</script>'


def get(store, clock, path: str, headers: Mapping[str, str] | None = None) -> httpx.Response:
    """Ask the application without a socket."""

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=app(store, clock=clock))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.get(path, headers=dict(headers or {}))

    with ThreadPoolExecutor(1) as apart:  # the browser's driver may have a loop on this thread
        return apart.submit(asyncio.run, ask()).result()


def test_all_models_are_listed_worst_first(reader, clock, example):
    """The model with findings that hold comes before the one that is well, with its numbers."""
    rows = get(reader, clock, "/api/models?range=90d").json()
    assert [(row["model"], row["state"]) for row in rows] == [
        (example.LATE, "critical"),
        (example.BAGS, "fine"),
    ]
    assert rows[0]["performance_detail"].startswith("ROC AUC 0.8")
    assert rows[0]["open_findings"] > 0


def test_the_overview_costs_the_same_number_of_queries_for_any_number_of_models(tmp_path, clock, example):
    """Two models and thirty are asked for with the same few questions."""
    asked = {}
    for many in (2, 30):
        store = open_store(tmp_path / str(many))
        metrics = [
            result for result in example.results(example.BAGS, example.random.Random(1)) if not result.version
        ]
        for place in range(many):
            store.put([replace(result, model=f"model-{place}") for result in metrics])
        counting = Counting(store)
        assert len(get(counting, clock, "/api/models").json()) == many
        asked[many] = counting.count
        store.close()
    assert asked[2] == asked[30] <= 6


class Counting:
    """A reader that counts what it is asked."""

    def __init__(self, store):
        """Wrap a store."""
        self.store = store
        self.count = 0
        self.url = store.url

    def query(self, query):
        """Count a question and pass it on."""
        self.count += 1
        return self.store.query(query)

    def scan(self, scan):
        """Count a scan and pass it on."""
        self.count += 1
        return self.store.scan(scan)


def test_an_empty_store_says_what_to_do(empty, clock):
    """Without a model, the first page shows how to send the first event."""
    page = get(empty, clock, "/")
    assert page.status_code == 200
    assert "ModelLogger" in page.text
    assert get(empty, clock, "/api/models").json() == []


@pytest.mark.parametrize(
    ("path", "status", "says"),
    [
        ("/api/panels", 400, "names no model"),
        ("/api/panels?model=nope", 404, "no model 'nope'"),
        ("/api/panels?model=flight-delay&range=9y", 400, "'9y' is no range"),
        ("/api/panels/nope.csv?model=flight-delay", 404, "no panel 'nope'"),
        ("/api/panels/drift.xls?model=flight-delay", 400, "'xls' is no form"),
        ("/api/logs?model=flight-delay&kind=x", 400, "'x' is no kind"),
        ("/api/logs?model=flight-delay&level=x", 400, "'x' is no level"),
        ("/api/logs?model=flight-delay&skip=-1", 400, "'-1' is no number"),
        ("/api/findings/nope", 404, "no finding 'nope'"),
        ("/api/nope", 404, "nothing at /api/nope"),
    ],
)
def test_errors_are_told_as_json(reader, clock, path, status, says):
    """Whatever cannot be answered is one sentence with what is allowed, and the right status."""
    answer = get(reader, clock, path)
    assert answer.status_code == status
    assert says in answer.json()["error"]


def test_errors_are_told_as_pages(reader, clock):
    """A page that is not there is a page that says so."""
    for path in ("/models/nope", "/findings/nope", "/nope"):
        answer = get(reader, clock, path)
        assert answer.status_code == 404
        assert "That did not work" in answer.text


def test_the_page_may_only_speak_to_its_own_host(reader, clock):
    """Every answer forbids scripts of others, inline scripts and evaluation of text."""
    policy = get(reader, clock, "/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_what_did_not_change_is_not_sent_again(reader, clock):
    """An answer that a browser has already is answered with 304."""
    first = get(reader, clock, "/api/panels?model=flight-delay")
    again = get(reader, clock, "/api/panels?model=flight-delay", {"if-none-match": first.headers["etag"]})
    assert again.status_code == 304
    assert again.content == b""


def test_the_size_of_windows_follows_the_range(reader, clock):
    """A month is shown in days, and all of the example in weeks."""
    sizes = [
        get(reader, clock, f"/api/panels?model=flight-delay&range={shown}").json()["size"]
        for shown in ("30d", "all")
    ]
    assert sizes == ["1d", "7d"]


@pytest.mark.parametrize("outcomes", [True, False])
def test_what_is_not_measured_says_why(tmp_path, example, outcomes):
    """Without a reference drift is not zero, commands name the model, and outcomes that are there count."""
    store = open_store(tmp_path)
    name = "my model"
    day = Window(start=example.NOW - timedelta(days=1), end=example.NOW)
    shares = [("inferences", 3.0), ("coverage", 1.0 if outcomes else 0.0)]
    store.put(
        [
            Metric(analyzer="service", model=name, name=metric, window=day, size="1d", value=value, n=3)
            for metric, value in shares
        ]
    )
    [row] = get(store, lambda: to_ns(example.NOW), "/api/models").json()
    page = get(store, lambda: to_ns(example.NOW), "/models/my%20model").text
    store.close()
    assert row["drift"] == units.NOTHING
    assert "mlmon reference build --model &#39;my model&#39;" in page
    assert ("Outcomes are there, but too few" in page) is outcomes
    assert ("No outcomes in this time." in page) is not outcomes


def test_a_version_and_a_segment_narrow_the_panels(reader, clock):
    """The panels of a version and of a segment hold other numbers than those of all traffic."""

    def traffic(more: str) -> list[float]:
        panels = get(reader, clock, f"/api/panels?model=flight-delay&range=all{more}").json()["panels"]
        [panel] = [panel for panel in panels if panel["id"] == "traffic"]
        return [row["value"] for row in panel["specs"][0]["data"]["values"] if row["value"] is not None]

    everything, segment, version = traffic(""), traffic("&segment=carrier%3DUA"), traffic("&version=2013.05")
    assert sum(segment) < sum(everything)
    assert len(version) < len(everything)


def test_the_data_of_every_chart_can_be_taken_away(reader, clock):
    """Every panel gives its rows as CSV and JSON, and names the command that prints them."""
    panels = get(reader, clock, "/api/panels?model=flight-delay&range=all").json()["panels"]
    assert len(panels) == 12
    for panel in panels:
        path = f"/api/panels/{panel['id']}.{{}}?model=flight-delay&range=all"
        rows = get(reader, clock, path.format("json")).json()
        lines = get(reader, clock, path.format("csv")).text.splitlines()
        assert len(lines) == len(rows) + 1 > 1
        assert panel["command"].startswith("mlmon ")


def test_a_finding_opens_with_its_evidence(reader, clock):
    """The page of a finding has both distributions, the numbers that decided, and the log lines behind it."""
    [first, *_] = [
        one
        for one in get(reader, clock, "/api/findings?model=flight-delay&range=all").json()
        if one["metric"] == "psi"
    ]
    page = get(reader, clock, f"/findings/{first['id']}").text
    assert "Log lines behind it" in page
    payload = json.loads(page.split('id="data">')[1].split("</script>")[0])
    assert {panel["id"] for panel in payload["panels"]} == {"evidence", "history"}
    drawn = payload["panels"][0]["specs"][0]["data"]["values"]
    assert {row["of"] for row in drawn} == {"reference", "current"}
    evidence = get(reader, clock, f"/api/findings/{first['id']}").json()["evidence"]
    assert len(drawn) == len(evidence["reference"]) + len(evidence["current"])


def test_log_lines_come_newest_first_and_every_one_once(reader, clock):
    """Paging through all inferences gives each of them once, in falling order of time."""
    seen: list[str] = []
    times: list[str] = []
    more = ""
    while True:
        page = get(reader, clock, f"/api/logs?model=flight-delay&range=7d&kind=inferences{more}").json()
        seen += [line["id"] for line in page["lines"]]
        times += [line["time"] for line in page["lines"]]
        if page["before"] is None:
            break
        more = f"&before={page['before']}&skip={page['skip']}"
    assert len(seen) == len(set(seen)) > 50
    assert times == sorted(times, reverse=True)


def test_log_lines_at_one_moment_are_not_lost_between_pages(tmp_path, clock, example):
    """A hundred and twenty lines of one microsecond come on three pages, each once."""
    store = open_store(tmp_path / "same")
    moment = example.NOW - timedelta(hours=1)
    documents = [example._base("m", Dataset.APP, place, moment) for place in range(120)]
    served = example._base("m", Dataset.INFERENCE, 0, moment) | {schema.INFERENCE_ID: "x"}
    store.write([example.to_event(document) for document in [*documents, served]])
    seen, more = [], ""
    for _ in range(3):
        page = get(store, clock, f"/api/logs?model=m{more}").json()
        seen += [line["id"] for line in page["lines"]]
        more = f"&before={page['before']}&skip={page['skip']}"
    store.close()
    assert len(seen) == len(set(seen)) == 120


def test_log_lines_are_found_by_level_and_words(reader, clock):
    """A level keeps what is less severe out, and words keep other lines out."""
    lines = get(reader, clock, "/api/logs?model=flight-delay&range=all&level=warning&search=WEATHER").json()[
        "lines"
    ]
    assert {line["text"] for line in lines} == {"weather missing", "weather service answered 503"}
    failed = get(reader, clock, "/api/logs?model=flight-delay&range=all&kind=failures").json()["lines"]
    assert {line["text"].split(":")[0] for line in failed} == {"TimeoutError"}


def test_what_events_say_is_never_markup(tmp_path, example):
    """A model, segment, feature and message that are scripts are shown as text on every page."""
    store = open_store(tmp_path / "evil")
    at = example.NOW - timedelta(hours=1)
    served = example._base(EVIL, Dataset.INFERENCE, 0, at) | {
        schema.INFERENCE_ID: EVIL,
        schema.MODEL_VERSION: EVIL,
    }
    line = example._base(EVIL, Dataset.APP, 1, at) | {schema.MESSAGE: EVIL, schema.LABELS: {EVIL: EVIL}}
    store.write([example.to_event(served), example.to_event(line)])
    results = list(example.results(example.LATE, example.random.Random(1)))
    store.put([replace(one, model=EVIL, subject=EVIL if one.subject else "") for one in results])

    def clock() -> int:
        return to_ns(example.NOW)

    name = "%3Cscript%3Ealert(%22x%22)%3C%2Fscript%3E"
    finding = get(store, clock, f"/api/findings?model={name}&range=30d").json()[0]["id"]
    for path in ("/", f"/models/{name}", f"/logs?model={name}", f"/findings/{finding}"):
        page = get(store, clock, path)
        assert page.status_code == 200, path
        assert EVIL not in page.text
        assert "&lt;script&gt;alert(" in page.text
    store.close()


def test_times_are_sent_in_utc(reader, clock):
    """Every time in a page carries its moment in UTC, for the browser to show in the viewer's zone."""
    page = get(reader, clock, "/?since=2013-05-01T00:00Z&until=2013-06-01").text
    assert f'datetime="{isoformat(example_moment())}"' in page


def example_moment():
    """Give the first of May."""
    from datetime import UTC, datetime

    return datetime(2013, 5, 1, tzinfo=UTC)
