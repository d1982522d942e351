"""Packages from npm, for the descriptions of interfaces that the makers of engines publish there."""

import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

FETCH_S = 300


@pytest.fixture(scope="session")
def from_npm(require, server_cache) -> Callable[[str], Path]:
    """Give a function of `name@version` that fetches a package once, without what it depends on.

    It gives the package's folder. No script of the package is run.
    """

    def fetch(package: str) -> Path:
        name, _, version = package.rpartition("@")
        home = server_cache / "npm" / f"{name.removeprefix('@').replace('/', '-')}-{version}"
        if not home.exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            _fetch(require("npm"), package, home)
        return home / "package"

    return fetch


def _fetch(npm: str, package: str, home: Path) -> None:
    command = [npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(home.parent), package]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    assert done.returncode == 0, f"npm did not bring {package}:\n{done.stdout}{done.stderr}"
    archive = home.parent / done.stdout.split()[-1]
    beside = home.with_suffix(".part")
    with tarfile.open(archive) as packed:
        packed.extractall(beside, filter="data")
    archive.unlink()
    beside.rename(home)
