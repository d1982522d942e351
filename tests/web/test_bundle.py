import gzip

import pytest

from mlmon.web import bundle


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Give a cache folder with the script in it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(bundle.CACHE_VARIABLE, str(folder))
        bundle._script.cache_clear()
        bundle.script()
    [path] = folder.rglob("*.js")
    return path


def anew(monkeypatch, path) -> str:
    """Give the script as a process does that has just started."""
    monkeypatch.setenv(bundle.CACHE_VARIABLE, str(path.parent.parent))
    bundle._script.cache_clear()
    return bundle.script()


def test_the_script_is_kept_from_one_process_to_the_next(kept, monkeypatch):
    """A process that starts again reads the script and does not make it."""
    monkeypatch.setattr(bundle, "_made_apart", None)
    assert anew(monkeypatch, kept) == kept.read_text(encoding="utf-8")


def test_a_script_that_was_cut_off_is_made_again(kept, monkeypatch):
    """What is kept and not whole is not used."""
    whole = kept.read_text(encoding="utf-8")
    kept.write_text(whole[:1000], encoding="utf-8")
    assert anew(monkeypatch, kept) == whole
    assert kept.read_text(encoding="utf-8") == whole


def test_without_a_cache_the_script_is_there_all_the_same(kept, monkeypatch, tmp_path):
    """A folder that is none costs time and nothing else."""
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(bundle.CACHE_VARIABLE, str(tmp_path / "file"))
    monkeypatch.setattr(bundle, "_made_apart", lambda: kept.read_text(encoding="utf-8"))
    bundle._script.cache_clear()
    assert "vegaEmbed" in bundle.script()


def test_the_script_can_stand_in_a_page(kept):
    """Nothing in it ends the element it stands in, and it is the same unzipped."""
    text = kept.read_text(encoding="utf-8")
    assert "</script" not in text
    assert "<!--" not in text
    assert gzip.decompress(bundle.zipped()).decode() == text
