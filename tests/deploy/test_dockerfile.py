import fnmatch
import re
import subprocess
import tomllib
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def dockerfile(root: Path) -> str:
    """Give the Dockerfile's text, with lines that go on joined."""
    return (root / "deploy" / "Dockerfile").read_text().replace("\\\n", " ")


def test_every_stage_begins_with_a_pinned_image(dockerfile):
    """No stage starts from an image that may be another one tomorrow."""
    bases = re.findall(r"^FROM (\S+)", dockerfile, re.MULTILINE)
    assert bases
    assert [base for base in bases if not re.fullmatch(r"[\w./-]+:\d+\.\d+\.\d+-[\w-]+", base)] == []


def test_it_ends_as_a_user_without_rights(dockerfile):
    """The last user is a number other than root's, which Kubernetes can check."""
    *_, user = re.findall(r"^USER (\S+)", dockerfile, re.MULTILINE)
    assert int(user.partition(":")[0]) > 0


def test_what_is_copied_is_there(root, dockerfile):
    """Each path that is copied from the project exists, and one from a stage names a stage before it."""
    stages: list[str] = []
    for line in dockerfile.splitlines():
        if found := re.match(r"FROM \S+ AS (\w+)", line):
            stages.append(found[1])
        if found := re.match(r"COPY (?:--from=(\w+) )?(\S+) \S+$", line):
            assert found[1] in stages if found[1] else (root / found[2]).exists(), line
    assert stages


def test_what_the_wheel_is_made_of_is_sent_to_the_builder(root):
    """The ignore file leaves the packages, pyproject.toml, the readme and the licence, and no secret."""
    text = (root / "deploy" / "Dockerfile.dockerignore").read_text()
    patterns = [line for line in text.splitlines() if line and not line.startswith("#")]

    def ignored(name: str) -> bool:
        return any(fnmatch.fnmatch(name, pattern) for pattern in patterns)

    packages = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    needed = {name.split(".")[1] for name in packages} | {"pyproject.toml", "README.md", "LICENSE"}
    assert [name for name in sorted(needed) if ignored(name)] == []
    assert all(map(ignored, (".env", ".git", "tests", "deploy", "mlmon-data")))


def test_hadolint_has_nothing_against_it(root, require):
    """The linter of Dockerfiles finds nothing."""
    command = [require("hadolint"), str(root / "deploy" / "Dockerfile")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
