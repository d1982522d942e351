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
    assert wiring.folder(url) == Path(path)


@pytest.mark.parametrize(
    ("url", "words"), [("https://es:9200", "not supported yet"), ("s3://b", "names no store")]
)
def test_other_schemes(url, words):
    """A cluster is said not to be supported yet, another scheme to be none."""
    with pytest.raises(UsageError, match=words):
        wiring.folder(url)


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
