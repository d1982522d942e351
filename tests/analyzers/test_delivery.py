"""Every event is in exactly one place of the account, whatever happens to it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mlmon.analyzers import accounting, delivery, ledger
from mlmon.analyzers.account import total
from mlmon.analyzers.ledger import Ledger, Letters
from mlmon.core import event, health, schema
from mlmon.core.config import Config
from mlmon.core.health import Part, Report
from mlmon.core.result import Finding, Metric
from mlmon.core.schema import LOGGED
from mlmon.core.sequences import runs

START = datetime(2030, 1, 1, tzinfo=UTC)
GRACE = timedelta(minutes=10)
LONG = timedelta(minutes=30)


class World:
    """Producers, wires that fail, dead letters, a store; it knows what became of each event."""

    def __init__(self, store):
        self.now = START
        self.store = store
        self.behind = timedelta(0)
        store.stamps = iter(self._stamp, None)
        self.producers = {}
        self.waiting = {}
        self.discarded = {}

    def _stamp(self):
        self.now += timedelta(microseconds=1)
        return self.now - self.behind

    def start(self, name):
        """A process begins to log."""
        self.producers[name] = SimpleNamespace(
            name=name, is_dead=False, emitted=0, held=[], sampled_out=0, dropped=0, stored=set(),
            reports=0, told_emitted=0, told_dropped=0, told_sampled_out=0,
        )  # fmt: skip
        return self.producers[name]

    def event(self, producer, number):
        """The event of a number."""
        return event.encode(
            {
                schema.TIMESTAMP: self.now, schema.LOG_LEVEL: "info", schema.EVENT_ID: f"{producer}-{number}",
                schema.EVENT_DATASET: str(LOGGED[number % len(LOGGED)]), schema.PRODUCER_ID: producer,
                schema.EVENT_SEQUENCE: number, schema.MODEL_NAME: "m", schema.SERVICE_NAME: "s",
                schema.HOST_NAME: "h", schema.INFERENCE_ID: "i", schema.EVENT_OUTCOME: "success",
                schema.OUTCOME_OBSERVED_AT: self.now,
            }
        )  # fmt: skip

    def store_events(self, producer, numbers):
        """The events arrive."""
        numbers = list(numbers)
        self.store.write([self.event(producer.name, number) for number in numbers])
        producer.stored.update(numbers)

    def report(self, producer):
        """The producer says how it is; what it says is stored like an event."""
        counters = {
            health.EMITTED: producer.emitted, health.SAMPLED_OUT: producer.sampled_out,
            "dropped_spool_full": producer.dropped,
        }  # fmt: skip
        made = health.to_document(
            Report(
                part=Part.PRODUCER, id=producer.name, number=producer.reports, at=self.now, started=START,
                counters=counters, gauges={health.QUEUED: len(producer.held)},
            ),
            {schema.SERVICE_NAME: "s", schema.HOST_NAME: "h", schema.MODEL_NAME: "m"},
        )  # fmt: skip
        self.store.write([event.encode(made)])
        producer.reports += 1
        producer.told_emitted, producer.told_dropped = producer.emitted, producer.dropped
        producer.told_sampled_out = producer.sampled_out

    def letters(self):
        """The dead letters by producer."""
        return Letters(
            waiting={name: runs(numbers) for name, numbers in self.waiting.items() if numbers},
            discarded={name: runs(numbers) for name, numbers in self.discarded.items() if numbers},
        )

    def look(self, known=None):
        """The account by a ledger, brought up to date."""
        return delivery.brought_up_to_date(
            self.store, known or Ledger(), self.letters(), now=self.now, grace=GRACE
        )


@pytest.fixture
def world(store):
    """Give an empty world."""
    return World(store)


def emit(producer, n):
    """The producer takes numbers; the events wait at it."""
    producer.held += range(producer.emitted, producer.emitted + n)
    producer.emitted += n


def send(world, producer, n=None):
    """The oldest of what it holds arrives."""
    n = len(producer.held) if n is None else n
    world.store_events(producer, producer.held[:n])
    del producer.held[:n]


def test_all_that_arrives_is_stored(world):
    """Where nothing goes wrong, all events are stored and none is unknown, at once."""
    producer = world.start("p")
    emit(producer, 100)
    send(world, producer)
    found = total(world.look().accounts())
    assert (found.emitted, found.stored, found.unknown, found.on_the_way) == (100, 100, 0, 0)
    [named] = world.look().accounts()
    assert (named.model, named.service, named.host, named.producer) == ("m", "s", "h", "p")


def analyzed(world, config=None):
    """A pass as the jobs make it; gives what was told."""
    return accounting.keep(world.store, config or Config(), world.letters, now=world.now)


def findings(told):
    """The findings among what was told, as metric, state and value."""
    return [(each.metric, str(each.state), each.value) for each in told if isinstance(each, Finding)]


def test_a_gap_is_found_after_its_grace_and_resolves_when_it_closes(world):
    """What is late is no finding; what stays away is one; when it arrives after all, that is resolved."""
    producer = world.start("p")
    emit(producer, 20)
    late = [producer.held.pop(5) for _ in range(3)]
    send(world, producer)
    assert findings(analyzed(world)) == []
    world.now += LONG
    [found] = [each for each in analyzed(world) if isinstance(each, Finding)]
    assert (found.analyzer, found.model, found.subject, found.metric) == ("delivery", "m", "s", "missing")
    assert (found.value, found.n, str(found.severity)) == (3.0, 20.0, "critical")
    [evidence] = found.evidence["producers"]
    assert evidence == {"producer": "p", "host": "h", "events": 3, "of": 20, "numbers": [[5, 7]]}
    assert findings(analyzed(world)) == []
    world.store_events(producer, late)
    assert findings(analyzed(world)) == [("missing", "resolved", 3.0)]
    assert total(world.look(ledger.load(world.store)).accounts()).unknown == 0


def test_a_silent_producer_holds_nothing_back(world):
    """What lies before a dead letter is missed too, once nothing more was heard for longer than the grace."""
    producer = world.start("p")
    emit(producer, 3)
    world.waiting["p"] = {producer.held[-1]}
    producer.held.clear()
    assert findings(analyzed(world)) == []
    assert total(world.look(ledger.load(world.store)).accounts()).on_the_way == 2
    world.now += LONG
    assert findings(analyzed(world)) == [("missing", "firing", 2.0)]


def test_drops_are_a_finding_with_the_reason(world):
    """What a producer says it dropped is told once, with why and what to do; more of it is told again."""
    producer = world.start("p")
    emit(producer, 20)
    del producer.held[:5]
    producer.dropped = 5
    send(world, producer)
    world.report(producer)
    [found] = [each for each in analyzed(world) if isinstance(each, Finding)]
    assert (found.metric, found.value, found.evidence["reasons"]) == ("dropped", 5.0, {"spool_full": 5})
    assert "5 because there was no room to wait (spool_full)" in found.message
    producer.emitted += 2
    producer.dropped += 2
    world.report(producer)
    assert findings(analyzed(world)) == [("dropped", "firing", 7.0)]
    assert findings(analyzed(world)) == []
    account = total(world.look(ledger.load(world.store)).accounts())
    assert (account.emitted, account.stored, account.dropped, account.unknown) == (
        22,
        15,
        {"spool_full": 7},
        0,
    )


def test_what_an_heir_could_not_read_is_no_loss_of_unknown_cause(world):
    """What a process drops of a dead one's spool explains that one's gaps, and no more than it dropped."""
    dead, heir = world.start("dead"), world.start("heir")
    emit(dead, 20)
    del dead.held[5:9]
    send(world, dead)
    emit(heir, 10)
    send(world, heir)
    heir.dropped = 3
    world.report(heir)
    world.now += LONG
    assert ("missing", "firing", 1.0) in findings(analyzed(world))
    accounts = {each.producer: each.account for each in world.look(ledger.load(world.store)).accounts()}
    assert (accounts["dead"].dropped, accounts["dead"].unknown) == ({"spool_full": 3}, 1)
    assert (accounts["heir"].dropped, accounts["heir"].unknown) == ({}, 0)


def test_metrics_have_every_place(world):
    """For each model and service there are metrics of where its events are, written when they change."""
    producer = world.start("p")
    producer.sampled_out = 4
    emit(producer, 10)
    send(world, producer)
    world.report(producer)
    told = {each.name: each.value for each in analyzed(world) if isinstance(each, Metric)}
    assert told == {
        "emitted": 10, "stored": 10, "sampled_out": 4, "dropped": 0, "dead_lettered": 0, "on_the_way": 0,
        "missing": 0,
    }  # fmt: skip
    assert analyzed(world) == []


def test_a_pass_that_was_cut_off_tells_the_same_again(world):
    """Where a pass told its findings and could not keep the ledger, the next tells the same."""
    producer = world.start("p")
    emit(producer, 9)
    del producer.held[3:5]
    send(world, producer)
    world.now += LONG
    first = analyzed(world)
    world.store.blobs.clear()
    assert analyzed(world) == first


def test_what_retention_took_before_it_was_counted_is_not_missed(world):
    """A ledger that begins when the store has long deleted its oldest events does not miss those."""
    producer = world.start("p")
    emit(producer, 50)
    send(world, producer, 20)
    world.now += timedelta(days=40)
    send(world, producer)
    documents = [d for known in world.store.documents.values() for d in known.values()]
    for number in range(25):
        for known in world.store.documents.values():
            known.pop(f"p-{number}", None)
    assert len(documents) == 50
    world.now += timedelta(days=29, hours=12)
    account = total(world.look().accounts())
    assert (account.emitted, account.stored, account.unknown) == (25, 25, 0)


def counts(world):
    """By the ledger that is kept: emitted, stored, sampled out, unknown, and of how many producers."""
    whole = total(world.look(ledger.load(world.store)).accounts())
    return whole.emitted, whole.stored, whole.sampled_out, whole.unknown, whole.producers


def test_quiet_producers_are_folded_and_found_again(world):
    """Who is quiet for a month is one row with others; if it comes back it goes on where it was."""
    for name in ("a", "b"):
        producer = world.start(name)
        producer.sampled_out = 7
        emit(producer, 10)
        del producer.held[2:4]
        send(world, producer)
        world.report(producer)
    analyzed(world)
    world.now += timedelta(days=31)
    other = world.start("c")
    emit(other, 1)
    send(world, other)
    analyzed(world)
    world.now += LONG
    emit(other, 1)
    send(world, other)
    analyzed(world)
    assert list(ledger.load(world.store).producers) == ["c"]
    assert counts(world) == (22, 18, 14, 4, 3)
    a = world.producers["a"]
    emit(a, 5)
    send(world, a)
    assert findings(analyzed(world)) == []
    assert counts(world) == (27, 23, 14, 4, 3)
    world.store_events(a, [2, 3])
    world.now += LONG
    emit(a, 1)
    send(world, a)
    analyzed(world)
    assert counts(world) == (28, 26, 14, 2, 3)


class Deliveries(RuleBasedStateMachine):
    """Whatever happens to events, in whatever order: the account adds up and knows what is lost."""

    names = Bundle("names")
    stores: ClassVar[list[Callable[[], Any]]] = []

    def __init__(self):
        super().__init__()
        self.world = World(self.stores[-1]())
        self.ledger = Ledger()
        self.is_whole = True

    def of(self, name):
        """A producer that lives; its name's next one where it died."""
        return self.world.producers[name]

    @rule(target=names, n=st.integers(0, 5))
    def start(self, n):
        """A process begins."""
        name = f"p{len(self.world.producers)}"
        emit(self.world.start(name), n)
        return name

    @rule(name=names, n=st.integers(1, 9))
    def log(self, name, n):
        """It logs, if it lives."""
        if not self.of(name).is_dead:
            emit(self.of(name), n)

    @rule(name=names, n=st.integers(1, 9))
    def sample_out(self, name, n):
        """It leaves inferences out."""
        self.of(name).sampled_out += 0 if self.of(name).is_dead else n

    @rule(name=names, n=st.integers(0, 9), behind=st.integers(0, 5))
    def send(self, name, n, behind):
        """Some arrive, perhaps under a stamp of minutes ago; those of a dead one by its successor."""
        self.world.behind = timedelta(minutes=behind)
        send(self.world, self.of(name), n)
        self.world.behind = timedelta(0)

    @rule(name=names, n=st.integers(1, 9))
    def repeat(self, name, n):
        """Some arrive once more."""
        self.world.store_events(self.of(name), sorted(self.of(name).stored)[-n:])

    @rule(name=names, n=st.integers(1, 9))
    def drop(self, name, n):
        """It has no room for some."""
        if not self.of(name).is_dead:
            n = len(self.of(name).held[:n])
            del self.of(name).held[:n]
            self.of(name).dropped += n

    @rule(name=names, n=st.integers(1, 9))
    def lose(self, name, n):
        """A wire loses some without a word."""
        del self.of(name).held[:n]

    @rule(name=names, n=st.integers(1, 9))
    def refuse(self, name, n):
        """The collector keeps some as dead letters."""
        self.world.waiting.setdefault(name, set()).update(self.of(name).held[:n])
        del self.of(name).held[:n]

    @rule(name=names, n=st.integers(1, 9), is_cut_off=st.booleans())
    def replay(self, name, n, is_cut_off):
        """Letters are stored; they are letters still where that was cut off."""
        some = sorted(self.world.waiting.get(name, ()))[:n]
        self.world.store_events(self.of(name), some)
        if not is_cut_off:
            self.world.waiting.get(name, set()).difference_update(some)

    @rule(name=names, n=st.integers(1, 9))
    def discard(self, name, n):
        """Letters are dropped and remembered."""
        some = sorted(self.world.waiting.get(name, ()))[:n]
        self.world.discarded.setdefault(name, set()).update(some)
        self.world.waiting.get(name, set()).difference_update(some)

    @rule(name=names)
    def kill(self, name):
        """It dies; what it holds stays in its spool."""
        self.of(name).is_dead = True

    @rule(name=names)
    def report(self, name):
        """It reports of itself."""
        if not self.of(name).is_dead:
            self.world.report(self.of(name))

    @rule(minutes=st.integers(1, 30))
    def wait(self, minutes):
        """Time passes."""
        self.world.now += timedelta(minutes=minutes)

    @rule()
    def analyze(self):
        """A pass, whose ledger is kept."""
        at = delivery.booked(self.world.store, self.world.look(self.ledger))
        kept = self.world.store
        ledger.save(kept, at.ledger)
        self.ledger = ledger.load(kept)
        found = {each.producer: each.account.unknown for each in at.accounts()}
        assert {name: sum(entry.lost.values()) for name, entry in self.ledger.producers.items()} == found

    @rule()
    def retain(self):
        """The store lets go of all that was counted."""
        self.analyze()
        self.world.now += timedelta(minutes=30)
        self.analyze()
        for documents in self.world.store.documents.values():
            documents.clear()
        self.is_whole = False

    @invariant()
    def it_adds_up(self):
        """Every event is in one place."""
        for each in self.world.look(self.ledger).accounts():
            self.check(each)

    def check(self, named):
        """One account against what is true."""
        account, producer = named.account, self.world.producers[named.producer]
        letters = (
            self.world.waiting.get(named.producer, set()),
            self.world.discarded.get(named.producer, set()),
        )
        placed = account.stored + account.dead_lettered + account.dropped_in_all
        assert account.emitted == placed + account.on_the_way + account.unknown
        assert account.emitted <= producer.emitted
        assert account.stored == len(producer.stored)
        assert account.waiting == len(letters[0] - producer.stored)
        assert account.discarded == len(letters[1] - letters[0] - producer.stored)
        assert account.dropped_in_all <= producer.told_dropped
        assert account.sampled_out == producer.told_sampled_out

    @rule()
    def settle(self):
        """When all had its time, unknown is what is lost: no more and no less."""
        self.analyze()
        for pause in (LONG, timedelta(minutes=1)):
            for producer in self.world.producers.values():
                if not producer.is_dead:
                    self.world.report(producer)
            self.world.now += pause
        for each in self.world.look(self.ledger).accounts():
            assert each.account.unknown == self.lost(self.world.producers[each.producer])
        for each in self.world.look(Ledger()).accounts() if self.is_whole else ():
            # Since when a letter is known, only the ledger says.
            lost = self.lost(self.world.producers[each.producer])
            assert each.account.unknown <= lost <= each.account.unknown + each.account.on_the_way

    def lost(self, producer):
        """How many events of a producer are known to have been, and are nowhere."""
        letters = self.world.waiting.get(producer.name, set()) | self.world.discarded.get(
            producer.name, set()
        )
        placed = producer.stored | letters
        known = max(producer.told_emitted, max(placed, default=-1) + 1)
        held = set() if producer.is_dead else set(producer.held)
        return max(0, len(set(range(known)) - placed - held) - producer.told_dropped)


def test_any_course_of_events_adds_up(new_store):
    """Emitted, sampled out, dropped, refused, replayed, deleted, repeated, adopted: each is counted once."""
    Deliveries.stores[:] = [new_store]
    run_state_machine_as_test(
        Deliveries, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )
