import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.core.errors import UsageError
from mlmon.core.schema import Dataset
from mlmon.stores.search import names


def test_names_follow_the_scheme_of_data_streams():
    """Events are in data streams of type, dataset and namespace; results in indices by month."""
    moment = datetime(2013, 3, 1, tzinfo=UTC)
    assert names.stream(Dataset.INFERENCE, "default") == "logs-mlmon.inference-default"
    assert names.month_index(Dataset.METRIC, "default", moment) == "mlmon.metric-default-2013.03"
    assert names.state_index("default") == "mlmon.state-default"


@given(st.text(min_size=1, max_size=512))
def test_any_model_can_have_a_stream(model):
    """Whatever a model is called, its stream has a name that an index can have and readers look for."""
    name = names.stream(Dataset.INFERENCE, "default", model)
    assert re.fullmatch(r"logs-mlmon\.inference\.[a-z0-9_.]+-default", name)
    assert len(f".ds-{name}-2013.03.01-000001".encode()) <= 255


def test_models_alike_have_streams_apart():
    """Names that differ only in signs that an index cannot have do not share a stream."""
    models = [
        "fraud-check",
        "fraud check",
        "Fraud-Check",
        "fraud_check",
        "délai ✈",
        "délai ✉",
        "x" * 99,
        "x" * 98,
    ]
    assert len({names.stream(Dataset.INFERENCE, "default", model) for model in models}) == len(models)


@pytest.mark.parametrize("namespace", ["default", "team_a", "a", "é1", "x" * 100])
def test_namespaces_that_indices_can_have(namespace):
    """What an index's name can hold is a namespace."""
    assert names.checked(namespace) == namespace


@pytest.mark.parametrize("namespace", ["", "a-b", "A", "a b", "*", "a,b", "_x", "x" * 101, "a/b", ".x"])
def test_namespaces_that_are_refused(namespace):
    """What would name other indices, or none, is refused with what is allowed."""
    with pytest.raises(UsageError, match="is no namespace"):
        names.checked(namespace)
