import ast
from collections.abc import Iterator
from pathlib import Path

from mlmon.core.schema import FIELDS

OWN_FIELDS = frozenset(name for name in FIELDS if name.startswith("mlmon."))
HOME = Path("core/schema.py")


def _strings(path: Path) -> Iterator[str]:
    """Give the string literals of a Python file, or the quoted words of any other text file."""
    if path.suffix == ".py":
        nodes = ast.walk(ast.parse(path.read_bytes()))
        yield from (
            node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)
        )
    elif path.suffix in {".js", ".html", ".yaml", ".json"}:
        yield from path.read_text(encoding="utf-8").replace("'", '"').split('"')


def test_field_names_are_written_once(root, package_files):
    """A field of ours is named by its constant; its literal name stands in core/schema.py alone."""
    found = [
        f"{path}: {text}"
        for path in package_files
        if path != HOME
        for text in _strings(root / path)
        if text in OWN_FIELDS
    ]
    assert found == []
