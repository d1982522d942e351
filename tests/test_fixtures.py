import os
import shutil
import subprocess
import sys

import pytest

NEEDS_JAVA = '''
def test_java(require):
    """Needs Java."""
    assert require("java")
'''
COMPARES = '''
def test_text(golden):
    """Compares a text."""
    golden("part/text.txt", "{text}")
'''


@pytest.fixture
def run_pytest(root, tmp_path):
    """Run a test file under a copy of the project's conftest, on a machine without programs."""
    (tmp_path / "tests").mkdir()
    shutil.copy(root / "tests" / "conftest.py", tmp_path / "tests")

    def run(source: str, *args: str, **environment: str) -> subprocess.CompletedProcess:
        (tmp_path / "tests" / "test_it.py").write_text(source)
        command = [sys.executable, "-B", "-m", "pytest", "-p", "no:cacheprovider", "tests", *args]
        env = {**os.environ, "PATH": "", "MLMON_TEST_REQUIRE": "", **environment}
        return subprocess.run(command, check=False, capture_output=True, text=True, cwd=tmp_path, env=env)

    return run


def test_a_missing_program_skips_loudly(run_pytest):
    """A test whose program is missing is skipped, and the summary says how to get it."""
    done = run_pytest(NEEDS_JAVA)
    assert done.returncode == 0
    assert "1 skipped" in done.stdout
    assert "java: apt-get install default-jre-headless" in done.stdout


@pytest.mark.parametrize("demanded", ["all", "java", "git,java"])
def test_a_demanded_program_fails_when_missing(run_pytest, demanded):
    """A missing program that MLMON_TEST_REQUIRE demands fails the test and does not skip it."""
    done = run_pytest(NEEDS_JAVA, MLMON_TEST_REQUIRE=demanded)
    assert done.returncode == 1
    assert "java is missing; get it with: apt-get install default-jre-headless" in done.stdout


def test_golden_files_are_written_when_asked_and_compared_otherwise(run_pytest, tmp_path):
    """A golden file is written under --update-golden alone; after that a text must equal it."""
    assert "does not exist" in run_pytest(COMPARES.format(text="a")).stdout
    assert run_pytest(COMPARES.format(text="a"), "--update-golden").returncode == 0
    assert (tmp_path / "tests" / "golden" / "part" / "text.txt").read_text() == "a"
    assert run_pytest(COMPARES.format(text="a")).returncode == 0
    assert "differs from tests/golden/part/text.txt" in run_pytest(COMPARES.format(text="b")).stdout
