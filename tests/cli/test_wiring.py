from pathlib import Path

import pytest

from mlmon.cli import wiring
from mlmon.core.config import Config, StoreConfig
from mlmon.core.errors import StoreLockedError, StoreUnreachableError, UsageError


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("data", "data"),
        ("/var/lib/m", "/var/lib/m"),
        ("file:///var/my%20data", "/var/my data"),
        ("a:b", "a:b"),
    ],
)
def test_a_folder(url, path):
    """A store's URL is a path, or file:// and a path."""
    assert wiring.folder(StoreConfig(url=url)) == Path(path)


@pytest.mark.parametrize("url", ["https://es:9200", "s3://b", "http://["])
def test_other_schemes(url):
    """A scheme that no store has is said to be none, with one that has."""
    with pytest.raises(UsageError, match=r"names no store.*elasticsearch\+https"):
        wiring.folder(StoreConfig(url=url))


@pytest.mark.parametrize("url", ["elasticsearch://127.0.0.1:1", "opensearch+https://127.0.0.1:1"])
def test_a_cluster_has_a_folder_on_this_machine(url, tmp_path):
    """What is not in the cluster is in the folder that the settings name; nothing is sent to open it."""
    config = Config(store=StoreConfig(url=url, folder=str(tmp_path), namespace="team"))
    assert wiring.folder(config.store) == tmp_path
    with wiring.reading(config) as reader:
        assert reader.url == url


def test_reading_needs_a_store(tmp_path):
    """Reading makes no folder."""
    config = Config(store=StoreConfig(url=str(tmp_path / "none")))
    with pytest.raises(StoreUnreachableError, match="mlmon up --store"), wiring.reading(config):
        pass
    assert not (tmp_path / "none").exists()


def test_parts_are_locked_apart(tmp_path):
    """Events and results can be written by two; one part cannot."""
    config = Config(store=StoreConfig(url=str(tmp_path / "store")))
    with wiring.writing(config, wiring.EVENTS), wiring.writing(config, wiring.RESULTS):
        state = wiring.store_state(config)
        assert set(state.writers) == {wiring.EVENTS, wiring.RESULTS}
        with pytest.raises(StoreLockedError), wiring.writing(config, wiring.EVENTS):
            pass
    assert wiring.store_state(config).writers == {}
