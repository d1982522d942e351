"""What is rendered, readers of it, and a slice of the flights to hold it against."""

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from mlmon.core.schema import Dataset
from mlmon.core.store import Store
from mlmon.kibana.dashboards import Rendered, render
from mlmon.kibana.objects import Frame
from mlmon.stores.embedded import open_store
from mlmon.stores.search import names


def _beside(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # where dataclasses look for the names in their annotations
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def lens_reader() -> ModuleType:
    """Give the reader of rendered objects."""
    return _beside("lens_reader")


@pytest.fixture(scope="session")
def vis_reader() -> ModuleType:
    """Give the reader of visualizations of OpenSearch Dashboards."""
    return _beside("vis_reader")


@pytest.fixture(scope="session")
def stub_kibana() -> ModuleType:
    """Give the module of the stub."""
    return _beside("stub_kibana")


@pytest.fixture(scope="session")
def frame() -> Frame:
    """Give the frame of the default namespace and space."""
    return Frame(patterns={dataset: names.pattern(dataset, names.DEFAULT) for dataset in Dataset})


@pytest.fixture(scope="session")
def rendered(frame) -> Rendered:
    """Give all dashboards as Kibana gets them."""
    return render(frame)


@pytest.fixture(scope="session")
def flown() -> ModuleType:
    """Give the module that has the flights."""
    return _beside("flown")


@pytest.fixture(scope="session")
def page_store(flown, tmp_path_factory) -> Iterator[Store]:
    """Give an embedded store as the page reads it, with a slice of the flights, analysed."""
    store = open_store(tmp_path_factory.mktemp("boards"))
    flown.fill(store)
    yield store
    store.close()
