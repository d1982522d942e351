import secrets

import pytest

from mlmon.cli import copying
from mlmon.core import schema
from mlmon.core.errors import StoreError
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store


def documents(folder, dataset):
    """Everything a store has of a dataset, by id, without the time of ingestion, which is its own."""
    with_ids = {}
    store = open_store(folder, read_only=True)
    try:
        for batch in store.scan(Scan(dataset=dataset)):
            for document in batch:
                document.pop(schema.EVENT_INGESTED)
                with_ids[document[schema.EVENT_ID]] = document
        return with_ids, {name: store.read_blob(name) for name in store.list_blobs("reference/")}
    finally:
        store.close()


def test_a_copy_has_all_that_the_store_has(run, store, tmp_path):
    """Events, results and references of a copy are those of the store, and no event is there twice."""
    shown = run("copy", str(store), str(tmp_path / "copy"))
    assert shown.exit_code == 0, shown.output
    for dataset in Dataset:
        assert documents(tmp_path / "copy", dataset) == documents(store, dataset)


def test_copying_again_brings_nothing(run, store, tmp_path):
    """A second copy stores no event again."""
    target = str(tmp_path / "copy")
    assert run("copy", str(store), target).exit_code == 0
    shown = run("copy", str(store), target)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("0 events")


def test_a_copy_that_stopped_goes_on_where_it_was(store, tmp_path, monkeypatch):
    """After a failure in the middle, the next copy passes over what is there and brings the rest."""
    monkeypatch.setattr(copying, "BATCH", 400)
    source = open_store(store, read_only=True)
    target = open_store(tmp_path / "copy")
    write = target.write
    batches: list[int] = []

    def failing(events):
        if len(batches) == 3:
            raise StoreError("the disk went away")
        batches.append(len(events))
        return write(events)

    total = copying.total(source, target, [Dataset.INFERENCE])
    monkeypatch.setattr(target, "write", failing)
    with pytest.raises(StoreError, match="went away"):
        copying.run(source, target, [Dataset.INFERENCE], lambda _: None)
    monkeypatch.undo()
    done = copying.run(source, target, [Dataset.INFERENCE], lambda _: None)
    assert (done.stored, done.known) == (total - sum(batches), sum(batches))
    target.close()
    source.close()
    assert documents(tmp_path / "copy", Dataset.INFERENCE)[0] == documents(store, Dataset.INFERENCE)[0]


def test_a_store_cannot_be_copied_onto_itself(run, store):
    """FROM and TO of the same name are refused."""
    shown = run("copy", str(store), str(store))
    assert shown.exit_code == 2
    assert "Name two different stores" in shown.stderr


@pytest.mark.slow
def test_a_folder_goes_to_a_cluster_and_back(run, store, engine, tmp_path, monkeypatch):
    """What went to a cluster and came back from it is what was in the folder, of every dataset."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", f"copy_{secrets.token_hex(4)}")
    for words in (
        ("setup", "--store", engine.store_url),
        ("copy", str(store), engine.store_url),
        ("copy", engine.store_url, str(tmp_path / "back")),
    ):
        shown = run(*words)
        assert shown.exit_code == 0, shown.output
    for dataset in Dataset:
        assert documents(tmp_path / "back", dataset) == documents(store, dataset)
