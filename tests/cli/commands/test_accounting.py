import json
import re

import pytest

from mlmon.core import health, schema
from mlmon.core.clock import isoformat, to_ns
from mlmon.core.event import encode
from mlmon.core.health import Part, Report
from mlmon.core.schema import Dataset
from mlmon.core.window import parse_moment
from mlmon.pipelines import deadletter
from mlmon.stores.embedded import open_store

NOW = parse_moment("2013-05-20T12:00Z", now=None)  # type: ignore[arg-type]
LATER = parse_moment("2013-05-20T11:00Z", now=None)  # type: ignore[arg-type]


def document(number: int, producer: str = "p", service: str = "api") -> dict:
    """A numbered inference."""
    return {
        schema.TIMESTAMP: isoformat(LATER),
        schema.EVENT_ID: f"{producer}-{number}",
        schema.EVENT_SEQUENCE: number,
        schema.PRODUCER_ID: producer,
        schema.EVENT_DATASET: str(Dataset.INFERENCE),
        schema.EVENT_OUTCOME: "success",
        schema.LOG_LEVEL: "info",
        schema.MODEL_NAME: "numbered",
        schema.SERVICE_NAME: service,
        schema.INFERENCE_ID: f"i-{number}",
    }


@pytest.fixture
def stored(empty):
    """Give a function that stores the events of some numbers, an hour ago."""

    def made(numbers, **more):
        store = open_store(empty, clock=lambda: to_ns(LATER))
        store.write([encode(document(number, **more)) for number in numbers])
        store.close()

    return made


def table(shown) -> list[str]:
    """The lines of a table, with single spaces."""
    return [re.sub(r" +", " ", line).strip() for line in shown.stdout.splitlines()]


def test_the_account_in_one_sentence(run, stored):
    """The first line says of all events where they are; the exit code is 0, also with --check."""
    stored(range(1000))
    shown = run("accounting", "--check")
    assert shown.exit_code == 0
    assert table(shown)[0] == "Of 1,000 events: 1,000 stored, 0 unknown."
    assert table(shown)[-2] == "numbered 1,000 0 1 h ago"


def test_unknown_events_fail_the_check(run, stored):
    """Missing numbers are unknown; only with --check is that an exit code."""
    stored([*range(10), *range(13, 20)])
    assert run("accounting").exit_code == 0
    shown = run("accounting", "--check")
    assert shown.exit_code == 1
    assert table(shown)[0] == "Of 20 events: 17 stored, 3 unknown."
    assert "mlmon accounting --producer ID" in shown.stderr


def test_the_missing_numbers_of_a_producer(run, stored):
    """--producer lists the numbers that are nowhere, as stretches."""
    stored([*range(10), *range(13, 20), *range(21, 30)])
    shown = run("accounting", "--producer", "p", "--format", "json")
    assert json.loads(shown.stdout) == [
        {"first": 10, "last": 12, "count": 3},
        {"first": 20, "last": 20, "count": 1},
    ]
    assert table(run("accounting", "--producer", "p"))[-2:] == ["10 12 3", "20 20 1"]


def test_drops_are_told_beside_the_missing_numbers(run, stored, empty):
    """A producer tells its drops as counts: they are among the missing numbers, nobody knows which."""
    stored([*range(10), *range(13, 20)])
    report = Report(
        part=Part.PRODUCER, id="p", number=0, at=LATER, started=LATER,
        counters={health.EMITTED: 20, health.SAMPLED_OUT: 5, "dropped_spool_full": 2},
    )  # fmt: skip
    store = open_store(empty, clock=lambda: to_ns(LATER))
    store.write([encode(health.to_document(report))])
    store.close()
    shown = run("accounting", "--producer", "p")
    assert table(shown)[0] == "Of 25 events: 17 stored, 5 sampled out, 2 dropped, 1 unknown."
    assert table(shown)[-1] == "10 12 3"
    assert "the producer dropped some and did not say which: 2 spool_full" in shown.stderr


def test_an_unknown_producer_is_an_error(run, stored):
    """The name of a producer that is not there gives an error with the nearest one."""
    stored(range(3), producer="producer-1")
    shown = run("accounting", "--producer", "producer-2")
    assert shown.exit_code == 2
    assert "'producer-1'" in shown.stderr


def test_rows_by_service_and_producer(run, stored):
    """--by gives a row each of what it names, and rows as JSON have every key."""
    stored(range(5), producer="a", service="api")
    stored(range(7), producer="b", service="batch")
    rows = json.loads(run("accounting", "--format", "json").stdout)
    assert [(row["model"], row["service"], row["stored"]) for row in rows] == [
        ("numbered", "batch", 7),
        ("numbered", "api", 5),
    ]
    rows = json.loads(run("accounting", "--by", "producer", "--format", "json").stdout)
    assert [(row["producer"], row["emitted"], row["unknown"]) for row in rows] == [("b", 7, 0), ("a", 5, 0)]
    rows = json.loads(run("accounting", "--by", "model", "--format", "json").stdout)
    assert [(row["producers"], row["emitted"]) for row in rows] == [(2, 12)]


def test_since_picks_producers_and_counts_them_whole(run, stored):
    """--since leaves out producers of which nothing arrived since then."""
    stored(range(5))
    assert json.loads(run("accounting", "--since", "30m", "--format", "json").stdout) == []
    [row] = json.loads(run("accounting", "--since", "2h", "--format", "json").stdout)
    assert row["stored"] == 5


def test_dead_letters_are_accounted_for(run, stored, empty):
    """What waits as a dead letter is not unknown, and the next step is told."""
    stored([*range(4), *range(5, 9)])
    record = json.dumps(document(4)).encode()
    letters = deadletter.Folder(empty / deadletter.FOLDER)
    letters.write([deadletter.letter(record, reason="not_valid", detail="x", source="http")])
    shown = run("accounting")
    assert table(shown)[0] == "Of 9 events: 8 stored, 1 dead-lettered, 0 unknown."
    assert "mlmon deadletter ls" in shown.stderr


def test_lines_without_a_number_are_told_apart(run, store):
    """Events that no producer numbered are counted beside the account."""
    shown = run("accounting")
    assert shown.exit_code == 0
    assert "No numbered event has arrived yet" in shown.stderr
    assert "of other tools: without a number, not in this account." in shown.stderr


def test_the_account_is_the_same_after_a_pass(run, stored):
    """Whether mlmon analyze ran or not, the account is the same, and a pass finds what is missing."""
    stored([*range(10), *range(13, 20)])
    before = run("accounting", "--format", "json").stdout
    assert run("analyze").exit_code == 0
    assert run("accounting", "--format", "json").stdout == before
    [found] = json.loads(run("findings", "--format", "json").stdout)
    assert (found["analyzer"], found["metric"], found["value"]) == ("delivery", "missing[api]", 3.0)
    assert found["evidence"]["producers"][0]["numbers"] == [[10, 12]]
    stored(range(10, 13))
    run("analyze")
    assert json.loads(run("findings", "--format", "json").stdout) == []
    [found] = json.loads(run("findings", "--state", "all", "--format", "json").stdout)
    assert found["state"] == "resolved"


def test_doctor_warns_of_unknown_events(run, stored, monkeypatch):
    """The doctor has a check of the delivery, which says what to do."""
    stored([*range(10), *range(13, 20)])
    rows = {row["check"]: row for row in json.loads(run("doctor", "--format", "json").stdout)}
    assert rows["delivery"]["status"] == "warn"
    assert rows["delivery"]["detail"] == "of 20 events, 3 unknown"
    stored(range(10, 13))
    rows = {row["check"]: row for row in json.loads(run("doctor", "--format", "json").stdout)}
    assert rows["delivery"] == {
        "check": "delivery",
        "status": "ok",
        "detail": "of 20 events, 0 unknown",
        "fix": "",
    }
