import doctest
import importlib


def test_examples_in_docstrings_are_true(package_files):
    """Every module imports as mlmon.X, and the examples in its docstrings give what they say."""
    failed = []
    for path in package_files:
        if path.suffix != ".py":
            continue
        parts = path.with_suffix("").parts
        name = ".".join(("mlmon", *(part for part in parts if part != "__init__")))
        result = doctest.testmod(importlib.import_module(name), optionflags=doctest.ELLIPSIS)
        failed += [name] * bool(result.failed)
    assert failed == []
