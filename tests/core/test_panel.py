from datetime import UTC, datetime

from msgspec.structs import replace

from mlmon.core import panel, query, schema
from mlmon.core.panel import AUTO, Kind, Panel, Scope
from mlmon.core.query import AllOf, Count, Equals, Max, Query, Terms, TimeBucket
from mlmon.core.schema import Dataset
from mlmon.core.window import Window

MARCH = Window(start=datetime(2013, 3, 1, tzinfo=UTC), end=datetime(2013, 4, 1, tzinfo=UTC))


def make(dataset: Dataset, **measures) -> Panel:
    """Make a panel over time."""
    question = Query(dataset=dataset, by={"t": TimeBucket(AUTO)}, measures=measures)
    return Panel(id="p", title="How many?", kind=Kind.LINES, query=question, x="t", y=tuple(measures))


def test_events_are_narrowed_by_their_fields():
    """A panel over events is cut into buckets of the size and filtered by model, version and segment."""
    to = Scope(model="m", window=MARCH, size="1d", version="2", segment="carrier=a=b")
    question = panel.scope(make(Dataset.INFERENCE, n=Count()), to)
    query.check(question)
    assert question.by["t"] == TimeBucket("1d")
    assert question.window == MARCH
    carrier = schema.member(schema.SEGMENT, "carrier")
    assert question.where == AllOf(
        (Equals(schema.MODEL_NAME, "m"), Equals(schema.MODEL_VERSION, "2"), Equals(carrier, "a=b"))
    )


def test_results_are_narrowed_to_one_series():
    """A panel over results asks for one size, version and segment, those of all traffic included."""
    question = panel.scope(
        make(Dataset.METRIC, v=Max(schema.RESULT_VALUE)), Scope(model="m", window=MARCH, size="7d")
    )
    query.check(question)
    assert isinstance(question.where, AllOf)
    assert Equals(schema.WINDOW_SIZE, "7d") in question.where.of
    assert Equals(schema.RESULT_SEGMENT, "") in question.where.of


def test_a_comparison_of_segments_is_not_narrowed_to_one():
    """A panel over results that groups by segment keeps all of them."""
    question = make(Dataset.METRIC, v=Max(schema.RESULT_VALUE)).query
    by = {"segment": Terms(schema.RESULT_SEGMENT)}
    compared = Panel(
        id="p", title="Which?", kind=Kind.DOTS, query=replace(question, by=by), x="v", y=("segment",)
    )
    narrowed = panel.scope(compared, Scope(model="m", window=MARCH, size="7d", segment="carrier=UA"))
    assert isinstance(narrowed.where, AllOf)
    assert schema.RESULT_SEGMENT not in [part.field for part in narrowed.where.of if isinstance(part, Equals)]
