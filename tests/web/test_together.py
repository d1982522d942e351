from concurrent.futures import ThreadPoolExecutor

import pytest
from msgspec.structs import replace

from mlmon.core.panel import Scope
from mlmon.core.panels.model import panels
from mlmon.core.query import Answer, Query
from mlmon.core.store import Reader
from mlmon.core.window import Window
from mlmon.web import together
from mlmon.web.model import ask


class Counting:
    """A reader that counts what it is asked."""

    def __init__(self, store: Reader) -> None:
        """Wrap a store; what is not counted is the store's own."""
        self.store = store
        self.count = 0
        self.url, self.settling, self.close = store.url, store.settling, store.close
        self.scan, self.members, self.holdings = store.scan, store.members, store.holdings
        self.read_blob, self.list_blobs = store.read_blob, store.list_blobs

    def query(self, query: Query) -> Answer:
        """Count a question and pass it on."""
        self.count += 1
        return self.store.query(query)


@pytest.fixture
def pool():
    """Give threads to ask with."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.mark.parametrize("size", ["1d", "7d", "month"])
@pytest.mark.parametrize("segment", ["", "carrier=UA"])
def test_together_gives_what_each_would_have_been_given(reader, example, pool, size, segment):
    """Every panel of a model has the same rows, in the same order, as when it is asked by itself."""
    window = Window(start=example.START, end=example.NOW)
    to = Scope(model=example.LATE, window=window, size=size, segment=segment)
    asked = [(panel, to) for panel in panels("roc_auc")]
    given = together.ask(reader, asked, pool)()
    assert {panel.id for panel, _ in asked} == set(given)
    for panel, _ in asked:
        assert given[panel.id] == ask(reader, panel, to), panel.id


def test_metrics_of_the_same_windows_are_asked_for_once(reader, example, pool):
    """The panels over metrics of one model cost one question, whatever their number."""
    to = Scope(model=example.LATE, window=Window(start=example.START, end=example.NOW), size="7d")
    counting = Counting(reader)
    plain = [panel for panel in panels("roc_auc") if together._can_share(panel)]
    assert len(plain) >= 7
    together.ask(counting, [(panel, to) for panel in plain], pool)()
    assert counting.count == 1


def test_other_windows_are_another_question(reader, example, pool):
    """Two scopes are never answered with each other's rows."""
    to = Scope(model=example.LATE, window=Window(start=example.START, end=example.NOW), size="7d")
    first, second, *_ = panels("roc_auc")
    counting = Counting(reader)
    given = together.ask(counting, [(first, to), (second, replace(to, size="month"))], pool)()
    assert counting.count == 2
    assert given[first.id] != given[second.id]
