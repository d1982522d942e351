"""The shape of JSON lines."""

import duckdb
import pytest

from mlmon.core import schema
from mlmon.core.schema import Dataset
from mlmon.stores.embedded.shape import discover


def _file(tmp_path, *lines):
    path = tmp_path / "tail.ndjson"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_the_keys_of_all_lines_are_found(tmp_path):
    """Fields, members of families and unknown keys are those of any line of the dataset; null has none."""
    head = f'{{"{schema.EVENT_DATASET}":"{Dataset.INFERENCE}","{schema.MESSAGE}":"x"'
    path = _file(
        tmp_path,
        head + f',"{schema.FEATURES_NUMERIC}":{{"a":1,"b.c":2}}}}',
        head + f',"{schema.FEATURES_NUMERIC}":{{"d":null}},"{schema.LABELS}":null,"odd":[1]}}',
    )
    [(dataset, shape)] = discover(duckdb.connect(), path).items()
    assert dataset is Dataset.INFERENCE
    assert set(shape.columns.fields) == {schema.EVENT_DATASET, schema.MESSAGE}
    assert shape.columns.members == ((schema.FEATURES_NUMERIC, ("a", "b.c", "d")),)
    assert shape.unknown == ("odd",)


@pytest.mark.parametrize("line", ["5", "[]", '{"a":1}', f'{{"{schema.EVENT_DATASET}":"other"}}', '{"a":'])
def test_a_line_of_no_dataset_is_refused(tmp_path, line):
    """A line that belongs nowhere is DuckDB's error, so that a roll sets it aside and keeps the others."""
    with pytest.raises(duckdb.Error):
        discover(duckdb.connect(), _file(tmp_path, line))
