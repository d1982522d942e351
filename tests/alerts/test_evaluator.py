"""Passes over a real store: what is remembered, told, silenced and resolved."""

from datetime import UTC, datetime, timedelta

import pytest

from mlmon.alerts import evaluator, load, memory, mutes
from mlmon.alerts.evaluator import Told
from mlmon.alerts.known import Group, Known
from mlmon.alerts.mutes import Wish
from mlmon.alerts.outbox import KEPT, Message, NotifyError
from mlmon.core.config import RouteConfig
from mlmon.core.errors import UsageError
from mlmon.core.query import Scan
from mlmon.core.result import from_document
from mlmon.core.schema import Dataset

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = "rules: [{name: errors, metric: error_rate, window: 1h, above: 5%, renotify: 2h}]"
GROUP = Group(model="fraud")


class Kept:
    """A place for silences, in memory."""

    def __init__(self):
        self.value: bytes | None = None

    def read(self) -> bytes | None:
        """What was written last."""
        return self.value

    def write(self, value: bytes) -> None:
        """Keep it."""
        self.value = value


class Stub:
    """A notifier that notes what it takes, and can be down."""

    def __init__(self):
        self.messages: list[Message] = []
        self.is_down = False

    def __call__(self, message: Message) -> None:
        """Take a message."""
        if self.is_down:
            raise NotifyError("The notifier is down.")
        self.messages.append(message)

    def said(self) -> list[tuple[str, str]]:
        """What was taken since it was asked last."""
        said = [(str(notice.kind), notice.rule) for message in self.messages for notice in message.notices]
        self.messages.clear()
        return said


@pytest.fixture
def place():
    """Give a place for silences."""
    return Kept()


@pytest.fixture
def stub():
    """Give a notifier."""
    return Stub()


@pytest.fixture
def run(store, metric, place, stub):
    """Give a function that states the error rate of the hour before a time, and makes a pass then."""

    def once(hours: float, value: float | None = None, text: str = TEXT, **more):
        now = START + hours * HOUR
        if value is not None:
            store.put([metric(now - HOUR, value)])
        to = Told(routes={"team": RouteConfig(**more)}, senders={"team": stub})
        known = [Known(name="fraud", last=now)]
        return evaluator.run_once(store, load.parse(text, "trial.yaml"), known, place=place, to=to, now=now)

    return once


def alerts_of(store):
    """Give what the rules wrote into the store."""
    scan = Scan(dataset=Dataset.FINDING)
    return [from_document(document) for documents in store.scan(scan) for document in documents]


def test_an_alert_is_told_once_and_its_end_too(run, stub, store):
    """One notice when it fires, none while it holds, one when it is over; and one finding that says so."""
    run(1, 0.2)
    assert stub.said() == [("firing", "errors")]
    run(1)
    run(2, 0.3)
    assert stub.said() == []
    [found] = alerts_of(store)
    assert (found.analyzer, found.metric, found.state) == ("rule:errors", "error_rate", "firing")
    assert (found.value, found.window.end) == (0.3, START + 2 * HOUR)
    run(3, 0.01)
    assert stub.said() == [("resolved", "errors")]
    [found] = alerts_of(store)
    assert (found.state, found.value, found.evidence["phase"]) == ("resolved", 0.3, "resolved")
    assert (found.window.start, found.window.end) == (START, START + 3 * HOUR)


def test_an_alert_that_holds_is_told_again(run, stub):
    """After its time an alert that nobody took is told again."""
    for hour in range(1, 5):
        run(hour, 0.2)
    assert stub.said() == [("firing", "errors"), ("reminder", "errors")]


def test_a_taken_alert_is_not_told_again_and_ends(run, stub, store, place):
    """An ack stops the reminders, not the end."""
    run(1, 0.2)
    [kept] = memory.load(store).kept
    mutes.ack(place, kept.id, author="ada", until=START + 10 * HOUR, now=START + HOUR)
    run(4, 0.2)
    run(5, 0.01)
    assert stub.said() == [("firing", "errors"), ("resolved", "errors")]


def test_a_silence_holds_notices_back(run, stub, place):
    """While silenced nothing is told; an alert that still fires afterwards is."""
    wish = Wish(author="ada", until=START + 3 * HOUR, rule="err*", model="fraud")
    made = mutes.silence(place, wish, now=START)
    run(1, 0.2)
    run(2, 0.2)
    assert stub.said() == []
    run(3, 0.2)
    assert stub.said() == [("firing", "errors")]
    with pytest.raises(UsageError, match="no silence or ack 'nope'"):
        mutes.unsilence(place, "nope", now=START + HOUR)
    assert mutes.unsilence(place, made.id, now=START + HOUR) == made


def test_an_alert_that_was_told_is_told_to_be_over_in_a_silence(run, stub, place):
    """Who heard of an alert always hears of its end."""
    run(1, 0.2)
    mutes.silence(place, Wish(author="ada", until=START + 9 * HOUR, rule="errors"), now=START + HOUR)
    run(2, 0.01)
    run(3, 0.2)
    run(4, 0.01)
    assert stub.said() == [("firing", "errors"), ("resolved", "errors")]


def test_maintenance_holds_notices_back(run, stub):
    """In a maintenance window of the rule nothing is told."""
    text = TEXT.replace("renotify: 2h", "maintenance: [{start: '00:00', end: '02:00'}]")
    run(1, 0.2, text=text)
    assert stub.said() == []
    run(2, 0.2, text=text)
    assert stub.said() == [("firing", "errors")]


def test_what_was_over_before_anybody_looked_is_not_told(run, stub, store, metric):
    """Of a new rule only what is open is told."""
    store.put([metric(START, 0.2), metric(START + HOUR, 0.01)])
    run(2)
    assert stub.said() == []
    run(4, 0.2)
    assert stub.said() == [("firing", "errors")]


def test_a_rule_that_is_gone_ends_its_alerts(run, stub, store):
    """Taking a rule away resolves what it had open."""
    run(1, 0.2)
    run(2, 0.2, text="rules: []")
    assert stub.said() == [("firing", "errors"), ("resolved", "errors")]
    assert [found.state for found in alerts_of(store)] == ["resolved"]
    assert memory.load(store).kept == ()


def test_a_notifier_that_is_down_gets_all_later_in_order(run, stub, store):
    """Nothing is lost while a notifier is down, nothing doubled after, and the end comes last."""
    stub.is_down = True
    done = run(1, 0.2)
    assert (done.sent.failed, done.sent.errors) == (1, {"team": "The notifier is down."})
    run(2, 0.01)
    assert len(memory.load(store).outbox) == 2
    stub.is_down = False
    run(3)
    assert stub.said() == [("firing", "errors"), ("resolved", "errors")]
    run(4)
    assert stub.said() == []
    assert memory.load(store).outbox == ()


def test_a_failed_message_waits_with_growing_pauses(run, stub, store):
    """A message that was not taken is due after a pause, and after a week it is given up and that is said."""
    stub.is_down = True
    run(1, 0.2)
    [message] = memory.load(store).outbox
    assert (message.attempts, message.due) == (1, START + HOUR + timedelta(seconds=10))
    run(1)
    assert memory.load(store).outbox == (message,)
    done = run(1 + KEPT / HOUR + 1)
    assert (done.sent.given_up, done.sent.errors) == (1, {"team": "The notifier is down."})
    assert message not in memory.load(store).outbox


def test_a_crash_between_sending_and_keeping_sends_the_same_again(run, stub, store):
    """What was sent and not noted is sent once more, under the same id."""
    stub.is_down = True
    run(1, 0.2)
    before = memory.load(store)
    stub.is_down = False
    run(2)
    first = [message.id for message in stub.messages]
    memory.save(store, before)
    run(2)
    assert [message.id for message in stub.messages] == first * 2


def test_routes_take_what_fits(run, stub):
    """A route for critical notices takes no warning."""
    run(1, 0.2, severities=("critical",))
    assert stub.said() == []
    run(2, 0.01, severities=("critical",))
    run(3, 0.2, text=TEXT.replace("renotify", "severity: critical, renotify"), severities=("critical",))
    assert stub.said() == [("firing", "errors")]


def test_notices_of_one_rule_and_model_come_together(run, stub, store, metric):
    """Ten features that drift at once are one message."""
    text = "rules: [{name: drift, metric: psi, window: 1h, above: 0.2}]"
    names = [f"f{place}" for place in range(10)]
    store.put([metric(START, 0.5, name="psi", analyzer="drift", subject=name) for name in names])
    run(1, text=text)
    assert [[notice.group.subject for notice in message.notices] for message in stub.messages] == [names]
