import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from mlmon.core.exposition import Family, Form, Kind, Sample, form_for, name_of, render

PARSERS = {Form.TEXT: parse_text, Form.OPENMETRICS: parse_openmetrics}
LABELS = st.dictionaries(
    st.sampled_from(["model", "reason", "host"]), st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.floats(min_value=0, allow_infinity=False)


@pytest.mark.parametrize("form", Form)
@given(labels=LABELS, value=VALUES, about=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_whatever_a_label_holds_is_read_back(form, labels, value, about):
    """Any text as a label's value, and any number, comes back from Prometheus' own parser."""
    counter = Family(
        name="mlmon_a", kind=Kind.COUNTER, about=about, samples=(Sample(labels=labels, value=value),)
    )
    gauge = Family(name="mlmon_b", kind=Kind.GAUGE, about="b", samples=(Sample(labels=labels, value=value),))
    read = {family.name: family for family in PARSERS[form](render([counter, gauge], form))}
    assert {name: family.type for name, family in read.items()} == {"mlmon_a": "counter", "mlmon_b": "gauge"}
    for family in read.values():
        [sample] = family.samples
        assert (sample.labels, sample.value) == (labels, value)
    assert read["mlmon_a"].samples[0].name == "mlmon_a_total"


@pytest.mark.parametrize("form", Form)
def test_equal_samples_are_told_once(form):
    """A name comes once and a set of labels once, because a page with two of them is refused as a whole."""
    families = [
        Family(name="a", kind=Kind.GAUGE, about="x", samples=(Sample(labels={"m": "1", "n": "2"}, value=1),)),
        Family(name="b", kind=Kind.GAUGE, about="nothing to tell"),
        Family(name="a", kind=Kind.GAUGE, about="x", samples=(Sample(labels={"n": "2", "m": "1"}, value=2),)),
    ]
    [family] = PARSERS[form](render(families, form))
    assert [(sample.labels, sample.value) for sample in family.samples] == [({"m": "1", "n": "2"}, 2.0)]


def test_numbers_that_are_none_are_written_as_prometheus_does():
    """Infinities and NaN have names of their own."""
    samples = tuple(Sample(labels={"v": name}, value=float(name)) for name in ("inf", "-inf", "nan"))
    [family] = parse_text(render([Family(name="a", kind=Kind.GAUGE, about="x", samples=samples)]))
    above, below, none = (sample.value for sample in family.samples)
    assert (above, below) == (math.inf, -math.inf)
    assert math.isnan(none)


def test_who_asks_for_openmetrics_gets_it():
    """Prometheus' own header asks for OpenMetrics; a browser's and curl's do not."""
    asked = "application/openmetrics-text;version=1.0.0;q=0.8,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
    assert form_for(asked) is Form.OPENMETRICS
    assert form_for("") is form_for("*/*") is form_for("text/html") is Form.TEXT
    assert name_of("mlmon", "p99 (write)") == "mlmon_p99_write_"
