from datetime import UTC, datetime

import pytest

from mlmon.core.errors import UsageError
from mlmon.core.schema import Dataset
from mlmon.stores.search import names


def test_names_follow_the_scheme_of_data_streams():
    """Events are in data streams of type, dataset and namespace; results in indices by month."""
    moment = datetime(2013, 3, 1, tzinfo=UTC)
    assert names.stream(Dataset.INFERENCE, "default") == "logs-mlmon.inference-default"
    assert names.month_index(Dataset.METRIC, "default", moment) == "mlmon.metric-default-2013.03"
    assert names.state_index("default") == "mlmon.state-default"


@pytest.mark.parametrize("namespace", ["default", "team_a", "a", "é1", "x" * 100])
def test_namespaces_that_indices_can_have(namespace):
    """What an index's name can hold is a namespace."""
    assert names.checked(namespace) == namespace


@pytest.mark.parametrize("namespace", ["", "a-b", "A", "a b", "*", "a,b", "_x", "x" * 101, "a/b", ".x"])
def test_namespaces_that_are_refused(namespace):
    """What would name other indices, or none, is refused with what is allowed."""
    with pytest.raises(UsageError, match="is no namespace"):
        names.checked(namespace)
