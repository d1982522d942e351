"""What real servers need of the machine: a Java, their distributions from Maven, and a place to run in.

The conftest above registers this file and its neighbours as plugins, so that every test may ask for a server.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

COPY = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
FETCH_S = 600
STOP_S = 20
UNPRIVILEGED = "nobody"


@pytest.fixture(scope="session")
def java_home(require) -> Callable[[int], Path]:
    """Give a function that finds a JDK of at least a version, or skips and says how to get it."""

    def find(least: int) -> Path:
        return Path(require(f"JDK {least}"))

    return find


@pytest.fixture(scope="session")
def server_cache() -> Path:
    """Give the folder that keeps what was fetched: MLMON_TEST_SERVERS, or one in the user's cache.

    A server refuses to run as root, and another user cannot read root's home; root keeps them in /var/cache.
    """
    usual = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    folder = Path(os.environ.get("MLMON_TEST_SERVERS") or usual / "mlmon-tests")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def from_maven(require, server_cache) -> Callable[[str], Path]:
    """Give a function of `group:name:version:zip` that fetches a distribution once, and gives its folder."""

    def fetch(coordinates: str) -> Path:
        _, name, version, kind = coordinates.split(":")
        home = server_cache / f"{name}-{version}"
        if not home.exists():
            archive = server_cache / f"{name}-{version}.{kind}"
            if not archive.exists():
                _download(require("maven"), coordinates, archive)
            _unpack(archive, home)
        return home

    return fetch


def _download(maven: str, coordinates: str, archive: Path) -> None:
    command = [maven, "-B", "-q", COPY, f"-Dartifact={coordinates}", f"-DoutputDirectory={archive.parent}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    assert archive.exists(), f"Maven did not bring {coordinates}:\n{done.stdout}{done.stderr}"


def _unpack(archive: Path, home: Path) -> None:
    """Unpack beside the place and move there whole; whoever comes second leaves it as it is."""
    beside = home.with_name(f"{home.name}.{os.getpid()}")
    with zipfile.ZipFile(archive) as packed:
        for item in packed.infolist():
            path = Path(packed.extract(item, beside))
            path.chmod(0o755 if path.is_dir() or item.external_attr >> 16 & 0o100 else 0o644)
    (unpacked,) = beside.iterdir()
    unpacked.chmod(0o755)
    try:
        unpacked.rename(home)
    except OSError:
        shutil.rmtree(unpacked)
    beside.rmdir()


@dataclass(slots=True, kw_only=True)
class Daemon:
    """A server's process: started, killed and started again by a test, stopped at the end."""

    command: list[str]
    env: dict[str, str]
    folder: Path
    is_ready: Callable[[], bool]
    patience_s: float
    process: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        """Start it and wait until it answers; where it does not, its last words are in the failure."""
        user, group = _unprivileged()
        with (self.folder / "output.txt").open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=user,
                group=group,
                extra_groups=None if user is None else [],
            )
        deadline = time.monotonic() + self.patience_s
        while not self.is_ready():
            ended = self.process.poll()
            if ended is not None or time.monotonic() > deadline:
                self.kill()
                what = f"ended with {ended}" if ended is not None else f"said nothing for {self.patience_s} s"
                pytest.fail(f"{self.command[0]} {what}:\n{self._last_words()}")
            time.sleep(0.1)  # between two tries of the poll with its deadline

    def stop(self) -> None:
        """Ask it to end, and end it where it does not."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once, as a machine that loses power would."""
        self._end(signal.SIGKILL)

    def _end(self, how: signal.Signals) -> None:
        if self.process is None:
            return
        for number in (how, signal.SIGKILL):
            _signal_group(self.process.pid, number)
            try:
                self.process.wait(STOP_S)
                break
            except subprocess.TimeoutExpired:
                continue
        _signal_group(self.process.pid, signal.SIGKILL)  # a launcher's child may outlive it
        self.process = None

    def _last_words(self) -> str:
        return (self.folder / "output.txt").read_text(errors="replace")[-4000:]


def _signal_group(pid: int, number: signal.Signals) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return


def _unprivileged() -> tuple[int | None, int | None]:
    """The user and group to run as, where the tester is root."""
    if os.geteuid() != 0:
        return None, None
    user = pwd.getpwnam(UNPRIVILEGED)
    return user.pw_uid, user.pw_gid


@pytest.fixture(scope="session")
def daemon() -> Iterator[Callable[..., Daemon]]:
    """Give a function that makes a server's process, not started yet; all are stopped at the end.

    `prepare` is given the folder the server runs in, and writes into it what it needs.
    """
    made: list[Daemon] = []

    def make(
        name: str,
        command: list[str],
        *,
        env: Callable[[Path], Mapping[str, str]],
        prepare: Callable[[Path], None],
        is_ready: Callable[[], bool],
        patience_s: float = 120,
    ) -> Daemon:
        folder = Path(tempfile.mkdtemp(prefix=f"mlmon-{name}-"))  # another user cannot enter pytest's folders
        prepare(folder)
        _give_away(folder)
        one = Daemon(
            command=command,
            env={"PATH": os.environ["PATH"], **env(folder)},
            folder=folder,
            is_ready=is_ready,
            patience_s=patience_s,
        )
        made.append(one)
        return one

    yield make
    for one in made:
        one.stop()
        shutil.rmtree(one.folder)


def _give_away(folder: Path) -> None:
    user, group = _unprivileged()
    if user is not None and group is not None:
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user, group)


@pytest.fixture(scope="session")
def free_ports() -> Callable[[int], list[int]]:
    """Give a function that names so many ports of the loopback that were free a moment ago."""

    def find(count: int) -> list[int]:
        probes = [socket.socket() for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        ports = [probe.getsockname()[1] for probe in probes]
        for probe in probes:
            probe.close()
        return ports

    return find
