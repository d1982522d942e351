import re

from mlmon.analyzers import reference
from mlmon.stores.embedded import open_store


def test_the_examples_run(root, tmp_path, monkeypatch):
    """The Python of the page on references builds one, puts it in force, and merges parts of it."""
    monkeypatch.chdir(tmp_path)
    page = (root / "docs" / "references.md").read_text()
    known: dict[str, object] = {}
    for block in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(block, known)  # noqa: S102 - the page's own lines
    store = open_store(tmp_path / "mlmon-data")
    found = reference.load(store, "flight-delay", "3")
    store.close()
    assert found == known["made"]
