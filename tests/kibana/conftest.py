"""What is rendered for a cluster of one's own, and the reader of it."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from mlmon.core.schema import Dataset
from mlmon.kibana.dashboards import Rendered, render
from mlmon.kibana.objects import Frame
from mlmon.stores.search import names


@pytest.fixture(scope="session")
def lens_reader() -> ModuleType:
    """Give the reader of rendered objects."""
    spec = importlib.util.spec_from_file_location("lens_reader", Path(__file__).with_name("lens_reader.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def frame() -> Frame:
    """Give the frame of the default namespace and space."""
    return Frame(patterns={dataset: names.pattern(dataset, names.DEFAULT) for dataset in Dataset})


@pytest.fixture(scope="session")
def rendered(frame) -> Rendered:
    """Give all dashboards as Kibana gets them."""
    return render(frame)
