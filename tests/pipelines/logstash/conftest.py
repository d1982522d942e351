"""The table of lines, and the rules they are held against."""

import importlib.util
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from msgspec import structs

from mlmon.core.clock import to_ns
from mlmon.core.event import Document
from mlmon.pipelines.logstash import check
from mlmon.pipelines.logstash.check import rfc_3339
from mlmon.pipelines.logstash.rules import Rules, rules, to_json
from mlmon.pipelines.validate import Limits

SCRIPT = Path(check.__file__).parent / "templates" / "mlmon.rb"
HARNESS = Path(__file__).parent / "run_filter.rb"
JRUBY = "9.4.8.0"
NOW_NS = to_ns(datetime(2013, 3, 10, tzinfo=UTC))
LIMITS = Limits(max_event_bytes=16384)


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A line and why it is refused, if it is. A line that is long is told by its parts."""

    name: str
    line: str | None = None
    hex: str = ""
    prefix: str = ""
    repeat: str = ""
    times: int = 0
    suffix: str = ""
    closing: str = ""
    reason: str | None = None

    @property
    def bytes(self) -> bytes:
        """The line as a wire brings it."""
        if self.line is not None:
            return self.line.encode()
        if self.hex:
            return bytes.fromhex(self.hex)
        return (self.prefix + self.repeat * self.times + self.suffix + self.closing * self.times).encode()


_LINES = (Path(__file__).parent / "cases" / "lines.ndjson").read_bytes().splitlines()
CASES = [msgspec.json.decode(line, type=Case) for line in _LINES]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes a case once for each line of the table."""
    if "case" in metafunc.fixturenames:
        metafunc.parametrize("case", CASES, ids=[case.name for case in CASES])


@pytest.fixture(scope="session")
def cases() -> list[Case]:
    """Give the whole table."""
    return CASES


@pytest.fixture(scope="session")
def limits() -> Limits:
    """Give the limits of the table: a line of 16 KiB, an hour ahead."""
    return LIMITS


@pytest.fixture(scope="session")
def clock() -> Callable[[], int]:
    """Give a clock that stands still on 10 March 2013."""
    return lambda: NOW_NS


@pytest.fixture(scope="session")
def table() -> Rules:
    """Give the rules of the namespace `default`."""
    return rules(namespace="default", limits=LIMITS)


@pytest.fixture(scope="session")
def comparable() -> Callable[[Document], Document]:
    """Give a function that takes what two wires may say in two ways out of a document.

    That is how a time is spelled, and the id that a line without one was given: of it only what it says of
    the line is kept, whether that is known again.
    """

    def told(document: Document) -> Document:
        kind = re.sub(r"^(?:collector|logstash)\..*", "new", document["event.id"])
        kind = re.sub(r"^(line|agent)\.[0-9a-f]{32}.*", r"\1", kind)
        return document | {"@timestamp": rfc_3339(document["@timestamp"]), "event.id": kind}

    return told


@pytest.fixture(scope="session")
def run_in(tmp_path_factory, table, clock) -> Callable[..., list[dict[str, Any]]]:
    """Give a function that runs events through the script in a Ruby, and gives what comes of each."""
    path = tmp_path_factory.mktemp("logstash") / "rules.json"

    def of(ruby: list[str], events: Iterable[object], namespace: str = "default", **params: str) -> Any:
        path.write_text(to_json(structs.replace(table, namespace=namespace)))
        lines = b"\n".join(map(msgspec.json.encode, events))
        given = json.dumps({"rules": str(path)} | params)
        command = [*ruby, str(HARNESS), str(SCRIPT), given, str(clock() // 10**9)]
        done = subprocess.run(command, input=lines, capture_output=True, check=False, timeout=240)
        assert done.returncode == 0, done.stderr.decode()
        return [result for line in done.stdout.splitlines() for result in msgspec.json.decode(line)]

    return of


@pytest.fixture(scope="session")
def run(require, run_in) -> Callable[..., list[dict[str, Any]]]:
    """Give a function that runs events through the script in the Ruby of this machine."""
    return partial(run_in, [require("ruby")])


@pytest.fixture(scope="session")
def as_text() -> Callable[[Case], dict[str, Any]]:
    """Give a function that gives a line as an input with a plain codec does."""

    def event(case: Case) -> dict[str, Any]:
        text = {"message": case.bytes.decode()} if not case.hex else {"hex": case.hex}
        return text | {"@metadata": {"mlmon": {"form": "text"}}}

    return event


@pytest.fixture(scope="session")
def jruby(require, server_cache) -> list[str]:
    """Give the command of the Ruby that Logstash runs on; it is fetched once."""
    java, maven = require("java"), require("maven")
    jar = server_cache / f"jruby-complete-{JRUBY}.jar"
    if not jar.exists():
        wanted = [f"-Dartifact=org.jruby:jruby-complete:{JRUBY}", f"-DoutputDirectory={server_cache}"]
        command = [maven, "-B", "-q", "dependency:copy", *wanted]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert jar.exists(), f"Maven did not bring JRuby:\n{done.stdout}{done.stderr}"
    return [java, "-jar", str(jar)]


@pytest.fixture(scope="session")
def lscl() -> ModuleType:
    """Give the parser and checker of Logstash's language."""
    spec = importlib.util.spec_from_file_location("logstash_lscl", Path(__file__).parent / "lscl.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for its annotations
    spec.loader.exec_module(module)
    return module
