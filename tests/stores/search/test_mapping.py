import json

import pytest

from mlmon.core import schema
from mlmon.core.schema import Dataset
from mlmon.stores.search.mapping import mapping


def _leaf(mapped, name):
    found = {"properties": mapped["properties"]}
    for part in name.split("."):
        found = found["properties"][part]
    return found


@pytest.mark.parametrize("dataset", Dataset)
def test_every_field_of_a_dataset_is_mapped(dataset):
    """Each field that a dataset's documents may carry has its place, and no other field is added unasked."""
    mapped = mapping(dataset, dotted_members=True)
    assert mapped["dynamic"] is False
    for field in schema.fields_of(dataset):
        assert _leaf(mapped, field.name)


def test_no_two_fields_share_a_path():
    """No declared field lies within another, so each can have a type of its own."""
    for name in schema.FIELDS:
        assert not any(other.startswith(f"{name}.") for other in schema.FIELDS)


def test_mapping_of_inferences(golden):
    """The mapping of inferences is the one that was read and agreed to."""
    text = json.dumps(mapping(Dataset.INFERENCE, dotted_members=True), indent=1) + "\n"
    golden("search/mapping_inference.json", text)
