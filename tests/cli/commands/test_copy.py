import secrets
from contextlib import closing
from itertools import repeat

import pytest

from mlmon.cli import copying
from mlmon.core import clock, schema
from mlmon.core.errors import StoreError
from mlmon.core.event import encode
from mlmon.core.query import Scan
from mlmon.core.schema import Dataset
from mlmon.stores import elasticsearch
from mlmon.stores.embedded import open_store
from mlmon.stores.search.access import Access

LINE = {
    schema.TIMESTAMP: "2013-03-01T00:00:00Z",
    schema.EVENT_DATASET: str(Dataset.APP),
    schema.LOG_LEVEL: "info",
    schema.MESSAGE: "served",
}


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
    """A second copy has nothing to do, and says so; what comes to the store then, the third copies."""
    target = str(tmp_path / "copy")
    assert run("copy", str(store), target).exit_code == 0
    shown = run("copy", str(store), target)
    assert shown.exit_code == 0
    assert shown.stdout.startswith("0 events, 0 results and 0 references")
    assert not shown.stderr
    with closing(open_store(store)) as source:
        source.write([encode({**LINE, schema.EVENT_ID: "new"})])
    assert run("copy", str(store), target).stdout.startswith("1 event, 0 results")


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
    """FROM and TO that are one store are refused, however the one or the other is written."""
    for source, target in (
        (str(store), str(store)),
        (str(store), f"{store}/../{store.name}/"),
        (str(store), store.as_uri()),
        ("elasticsearch://127.0.0.1:1", "elasticsearch://127.0.0.1:1/"),
    ):
        shown = run("copy", source, target)
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


@pytest.mark.slow
def test_what_came_late_to_a_cluster_is_copied(run, elasticsearch_9, tmp_path, monkeypatch):
    """An event that appears after one that was stamped later, by another writer, comes with the next copy."""
    namespace = f"copy_{secrets.token_hex(4)}"
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", namespace)
    url = elasticsearch_9.store_url
    assert run("setup", "--store", url).exit_code == 0
    now_ns = clock.system()
    for name, stamped_ns in (("on time", now_ns), ("late", now_ns - 10_000_000_000)):
        at = elasticsearch.open_store(Access(url=url), namespace=namespace, clock=repeat(stamped_ns).__next__)
        with closing(at):
            at.write([encode({**LINE, schema.EVENT_ID: name})])
        elasticsearch_9.ask("POST", f"/logs-mlmon.app-{namespace}/_refresh")
        assert run("copy", url, str(tmp_path / "copy")).exit_code == 0
    found, _ = documents(tmp_path / "copy", Dataset.APP)
    assert set(found) == {"on time", "late"}
