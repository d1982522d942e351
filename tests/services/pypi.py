"""Python packages beside the environment's own: another version of a client, in a folder of its own."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

FETCH_S = 300


@pytest.fixture(scope="session")
def from_pypi(require, server_cache) -> Callable[..., Path]:
    """Give a function of a name and requirements that installs them once, and gives their folder."""

    def fetch(name: str, *requirements: str) -> Path:
        home = server_cache / "pypi" / f"{name}-{sys.version_info.major}.{sys.version_info.minor}"
        if not home.exists():
            home.parent.mkdir(parents=True, exist_ok=True)
            _install(require("pip"), requirements, home)
        return home

    return fetch


def _install(pip: str, requirements: tuple[str, ...], home: Path) -> None:
    beside = home.with_suffix(".part")
    into = ["--quiet", "--no-compile", "--target", str(beside)]
    command = [sys.executable, "-m", pip, "install", *into, *requirements]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FETCH_S, check=False)
    assert done.returncode == 0, f"pip did not bring {requirements}:\n{done.stdout}{done.stderr}"
    beside.rename(home)
