"""The example in a store, the page served on loopback, and a browser."""

import importlib.util
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import uvicorn

from mlmon.core.clock import to_ns
from mlmon.core.store import Reader
from mlmon.stores.embedded import open_store
from mlmon.web.app import app

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="session")
def example() -> ModuleType:
    """Give the example's module."""
    spec = importlib.util.spec_from_file_location("example", Path(__file__).with_name("example.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def clock(example) -> Callable[[], int]:
    """Give a clock that stands at the end of the example."""
    return lambda: to_ns(example.NOW)


@pytest.fixture(scope="session")
def reader(example, tmp_path_factory) -> Iterator[Reader]:
    """Give a store with both models of the example."""
    folder = tmp_path_factory.mktemp("example")
    with_models = open_store(folder)
    example.write(with_models)
    with_models.close()
    store = open_store(folder, read_only=True)
    yield store
    store.close()


@pytest.fixture
def empty(tmp_path) -> Iterator[Reader]:
    """Give a store with nothing in it."""
    store = open_store(tmp_path / "empty")
    yield store
    store.close()


@pytest.fixture(scope="session")
def address(reader, clock) -> Iterator[str]:
    """Serve the page of the example on a free port of loopback, and give its address."""
    config = uvicorn.Config(app(reader, clock=clock), host="127.0.0.1", port=0, log_level="error")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    started = threading.Event()
    startup = server.startup

    async def told(sockets: Any = None) -> None:
        await startup(sockets)
        started.set()

    server.startup = told  # type: ignore[method-assign] # to know when the port is taken
    thread.start()
    assert started.wait(90)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(60)


@pytest.fixture(scope="session")
def chromium(require) -> Iterator[Any]:
    """Give a headless Chromium."""
    path = require("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
