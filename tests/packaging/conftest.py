"""What the guards look at: the project's files, its packages and their imports."""

import subprocess
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def pyproject(root: Path) -> dict:
    """Give pyproject.toml as data."""
    return tomllib.loads((root / "pyproject.toml").read_text())


@pytest.fixture(scope="session")
def packages(pyproject: dict) -> dict[str, Path]:
    """Give the declared packages, each with its folder relative to the root."""
    names = pyproject["tool"]["setuptools"]["packages"]
    return {name: Path(*name.split(".")[1:]) for name in names}


@pytest.fixture(scope="session")
def project_files(root: Path, require: Callable[[str], str]) -> list[Path]:
    """Give the files of the project relative to the root: tracked ones, and new ones that are not ignored."""
    command = [require("git"), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True).stdout
    paths = {Path(name) for name in listed.split("\0") if name}
    return sorted(path for path in paths if (root / path).is_file())


@pytest.fixture(scope="session")
def package_files(packages: dict[str, Path], project_files: list[Path]) -> list[Path]:
    """Give the project's files that belong to a package."""
    top = {folder.parts[0] for folder in packages.values()}
    return [path for path in project_files if path.parts[0] in top]
