from pathlib import Path

import pytest

from mlmon.core import schema, tables
from mlmon.core.health import Part
from mlmon.core.schema import Dataset, Type

DOCS = Path(__file__).resolve().parents[2] / "docs"


def test_constants_and_table_are_one():
    """Every upper-case text of the module that names a field is in the table, and none is twice."""
    names = [
        value for name, value in vars(schema).items() if isinstance(value, str) and value in schema.FIELDS
    ]
    assert sorted(names) == sorted(schema.FIELDS)


def test_required_fields_belong_to_their_datasets():
    """A field is only required where it may be."""
    for field in schema.FIELDS.values():
        assert set(field.required) <= set(field.datasets), field.name


def test_the_type_of_a_member_is_its_familys():
    """Members of number families are doubles, of keyword families keywords; other names have no type."""
    assert schema.type_of(schema.member(schema.FEATURES_NUMERIC, "a.b")) is Type.DOUBLE
    assert schema.type_of(schema.member(schema.SEGMENT, "carrier")) is Type.KEYWORD
    assert schema.type_of(schema.MODEL_NAME) is Type.KEYWORD
    assert schema.type_of("mlmon.segments.carrier") is None


def test_own_fields_have_one_root():
    """What ECS does not define lies under `mlmon.`."""
    roots = {name.split(".")[0] for name in schema.FIELDS}
    ecs = {
        "@timestamp",
        "message",
        "log",
        "ecs",
        "event",
        "service",
        "trace",
        "span",
        "error",
        "host",
        "process",
    }
    assert roots == ecs | {"labels", "data_stream", "mlmon"}


@pytest.mark.parametrize("dataset", Dataset)
def test_every_dataset_has_an_id_and_a_time(dataset: Dataset):
    """Time, id and dataset are required of every document."""
    required = {field.name for field in schema.fields_of(dataset) if dataset in field.required}
    assert {schema.TIMESTAMP, schema.EVENT_ID, schema.EVENT_DATASET} <= required


def test_the_documented_tables_are_the_code():
    """The tables of fields, settings and reports in the documentation are what the code renders."""
    reports = [("health.md", tables.meters_table(part)) for part in Part]
    fields = ("fields.md", tables.schema_table())
    for page, table in (fields, ("configuration.md", tables.settings_table()), *reports):
        assert table in (DOCS / page).read_text(), f"docs/{page} is old; paste in: {table}"
