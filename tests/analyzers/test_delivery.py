"""Every event is in exactly one place of the account, whatever happens to it."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from mlmon.analyzers import delivery, ledger
from mlmon.analyzers.account import total
from mlmon.analyzers.ledger import Ledger, Letters
from mlmon.core import event, health, schema
from mlmon.core.health import Part, Report
from mlmon.core.schema import LOGGED
from mlmon.core.sequences import runs

START = datetime(2030, 1, 1, tzinfo=UTC)
GRACE = timedelta(minutes=10)
LONG = timedelta(minutes=30)


class World:
    """Producers, wires that fail, dead letters, a store and its retention; it knows what became of each event."""

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


class Deliveries(RuleBasedStateMachine):
    """Whatever happens to events, in whatever order: the account adds up and knows what is lost."""

    names = Bundle("names")
    new_store = None

    def __init__(self):
        super().__init__()
        self.world = World(self.new_store())
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
        before = self.ledger
        at = delivery.booked(self.world.store, before, self.world.look(before))
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
        for pause in (LONG, timedelta(minutes=1)):
            for producer in self.world.producers.values():
                if not producer.is_dead:
                    self.world.report(producer)
            self.world.now += pause
        ledgers = [self.ledger, Ledger()] if self.is_whole else [self.ledger]
        for known in ledgers:
            at = self.world.look(known)
            for each in at.accounts():
                assert each.account.unknown == self.lost(self.world.producers[each.producer])

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
    Deliveries.new_store = staticmethod(new_store)
    run_state_machine_as_test(
        Deliveries, settings=settings(max_examples=100, stateful_step_count=30, deadline=None)
    )
