import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

GOOD = {
    "docker --version": (0, "Docker version 28.2.2"),
    "docker compose version --short": (0, "2.39.1\n"),
    "docker info --format {{json .}}": (0, json.dumps({"MemTotal": 16 << 30})),
}


@pytest.fixture
def stack(script):
    """Give the script that looks at a machine."""
    return script("stack")


@pytest.fixture
def enough(tmp_path: Path) -> Path:
    """Give a file that says there may be enough memory maps."""
    path = tmp_path / "max_map_count"
    path.write_text("1048576\n")
    return path


def answering(**changed: tuple[int, str]) -> Callable:
    """Give a machine whose commands answer so: the second word of a command, and its answer."""

    def ask(command):
        return changed.get(command[1].strip("-"), GOOD[" ".join(command)])

    return ask


def test_a_good_machine_lacks_nothing(stack, enough):
    """Docker with compose v2, memory and memory maps is all that is needed."""
    assert stack.problems(answering(), enough) == []


def test_no_docker_is_the_one_problem(stack, enough):
    """Where Docker is missing, that alone is said."""
    [problem] = stack.problems(answering(version=(127, "docker is not installed")), enough)
    assert problem.startswith("Docker is not here.")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"compose": (1, "docker: unknown command: docker compose")}, "Docker has no compose v2."),
        ({"compose": (0, "2.5.0")}, "Docker compose is 2.5.0, and the stack needs 2.24 or later."),
        ({"info": (1, "Cannot connect to the Docker daemon.")}, "Cannot connect to the Docker daemon."),
        ({"info": (0, json.dumps({"ServerErrors": ["permission denied"]}))}, "permission denied"),
        ({"info": (0, json.dumps({"MemTotal": 2 << 30}))}, "Docker has 2.0 GiB of memory"),
    ],
)
def test_what_lacks_is_said(stack, enough, changed, said):
    """Each thing that lacks is one sentence, which says what it is."""
    [problem] = stack.problems(answering(**changed), enough)
    assert said in problem


def test_only_docker_is_asked_for_where_the_stack_runs_already(stack, tmp_path, capsys):
    """To stop or to listen needs no memory and no secrets; without Docker it is one sentence."""
    small = answering(info=(0, json.dumps({"MemTotal": 1})))
    assert stack.main(["--docker"], small, tmp_path / "few") == 0
    assert stack.main(["--docker"], answering(version=(127, "")), tmp_path / "few") == 1
    assert "cannot be asked on this machine yet.\n- Docker is not here." in capsys.readouterr().err


def test_few_memory_maps_come_with_the_command_that_raises_them(stack, tmp_path):
    """A machine with the usual 65530 memory maps hears how to have more."""
    (tmp_path / "few").write_text("65530\n")
    [problem] = stack.problems(answering(), tmp_path / "few")
    assert "65530" in problem
    assert "sysctl -w vm.max_map_count=" in problem
    assert stack.problems(answering(), tmp_path / "not-linux") == []


def test_secrets_are_made_once(stack, tmp_path):
    """The first call writes every secret for the owner alone, and the second changes nothing."""
    path = tmp_path / ".env"
    assert stack.make_secrets(path) == list(stack.SECRETS)
    text = path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600
    assert stack.make_secrets(path) == []
    assert path.read_text() == text
    assert [each.name for each in tmp_path.iterdir()] == [".env"]


def test_secrets_that_are_there_stay(stack, tmp_path):
    """A file of a person keeps its lines, and gets what it lacks below."""
    path = tmp_path / ".env"
    path.write_text("# mine\nELASTIC_PASSWORD=chosen")
    assert "ELASTIC_PASSWORD" not in stack.make_secrets(path)
    assert path.read_text().startswith("# mine\nELASTIC_PASSWORD=chosen\nKIBANA_PASSWORD=")
    assert path.stat().st_mode & 0o777 == 0o600


def test_secrets_are_strong_and_need_no_quoting(stack, tmp_path):
    """Secrets differ, are long, have every kind of sign, and none that .env reads as its own."""
    stack.make_secrets(tmp_path / ".env")
    lines = [line for line in (tmp_path / ".env").read_text().splitlines() if not line.startswith("#")]
    values = [line.partition("=")[2] for line in lines]
    assert len(set(values)) == len(stack.SECRETS)
    for value in values:
        assert len(value) >= 32
        assert any(sign.isupper() for sign in value)
        assert any(sign.islower() for sign in value)
        assert any(sign.isdigit() for sign in value)
        assert set("-_") & set(value)
        assert not set("$#'\"\\ ") & set(value)


def test_a_file_that_cannot_be_written_is_told(stack, enough, tmp_path, capsys):
    """A folder that is not there is one sentence and an exit code."""
    assert stack.main(["--env", str(tmp_path / "none" / ".env")], answering(), enough) == 1
    assert "cannot be written: No such file or directory" in capsys.readouterr().err


def test_as_a_command_it_never_shows_a_traceback(root, tmp_path):
    """Run where there is no docker at all, it says so and makes no secrets."""
    done = subprocess.run(
        [sys.executable, str(root / "deploy" / "stack.py"), "--env", str(tmp_path / ".env")],
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines()[1].startswith("- Docker is not here.")
    assert "Traceback" not in done.stderr
    assert not (tmp_path / ".env").exists()


@pytest.mark.parametrize("store", ["elasticsearch", "opensearch"])
def test_the_addresses_are_those_that_are_published(stack, root, store, capsys):
    """What is said at the end is each port that the stack publishes with that store."""
    assert stack.main(["--store", store, "--addresses"]) == 0
    services = yaml.safe_load((root / "docker-compose.yml").read_text())["services"].values()
    published = {
        port.rpartition(":")[0]
        for service in services
        for port in service.get("ports", [])
        if store in service.get("profiles", [store])
    }
    told = capsys.readouterr().out
    assert set(re.findall(r"127\.0\.0\.1:\d+", told)) == published
