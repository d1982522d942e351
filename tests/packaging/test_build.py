import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def dist(root: Path, project_files, require, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the sdist, and the wheel from it, out of a copy of the project's files."""
    require("setuptools")
    source = tmp_path_factory.mktemp("source")
    for path in project_files:
        (source / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / path, source / path)
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(source)]
    built = subprocess.run(command, check=False, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    return out


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    """Give the one wheel."""
    (path,) = dist.glob("*.whl")
    return path


def test_the_wheel_holds_the_packages_and_all_their_files(wheel, package_files):
    """The wheel holds every file of every package, and no other file of ours."""
    with zipfile.ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert held == {f"mlmon/{path.as_posix()}" for path in package_files}


def test_the_sdist_holds_what_the_wheel_is_made_of(dist, package_files):
    """The sdist holds every file of every package, the licence, the readme and pyproject.toml."""
    (path,) = dist.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    wanted = {path.as_posix() for path in package_files} | {"LICENSE", "README.md", "pyproject.toml"}
    assert wanted - held == set()


def test_the_installed_wheel_imports_and_leaks_nothing(wheel, packages, tmp_path):
    """Installed into a fresh environment, every package imports, and the top level gains only mlmon."""
    fresh = tmp_path / "fresh"
    venv.create(fresh, with_pip=False)
    python = fresh / "bin" / "python"
    options = ["--no-deps", "--no-index", "--quiet"]
    install = [sys.executable, "-m", "pip", "--python", python, "install", *options, wheel]
    subprocess.run(install, check=True)
    (site,) = fresh.glob("lib/python*/site-packages")
    assert {path.name.split("-")[0] for path in site.iterdir()} == {"mlmon"}
    # The dependencies come from this environment: a plain path, whose own .pth files are not read.
    (site / "dependencies.pth").write_text(str(Path(pytest.__file__).parent.parent))
    program = "import sys, importlib\nfor name in sys.argv[1:]: print(importlib.import_module(name).__file__)"
    command = [python, "-c", program, *packages]
    origins = subprocess.run(command, check=True, capture_output=True, text=True, cwd=tmp_path).stdout.split()
    assert len(origins) == len(packages)
    assert all(Path(origin).is_relative_to(site) for origin in origins)
