"""`mlmon pipeline render` for agents: files are written, shown, left alone, and refused with a reason."""

import pytest

DOORS = {
    "filebeat": "beats://127.0.0.1:5044",
    "elastic-agent": "beats://127.0.0.1:5044",
    "fluent-bit": "http://127.0.0.1:5959",
    "vector": "http://127.0.0.1:5959",
}
FILES = {
    "filebeat": "filebeat.yml",
    "elastic-agent": "elastic-agent.yml",
    "fluent-bit": "fluent-bit.yaml",
    "vector": "vector.yaml",
}


def words(agent: str) -> tuple[str, ...]:
    """Give the command line that renders an agent's configuration."""
    return ("pipeline", "render", agent, "--tail", "/var/log/a.log", "--to", DOORS[agent], "--out", "made")


@pytest.mark.parametrize("agent", DOORS)
def test_the_file_is_written_once(run, empty, agent):
    """The file is written and said with a plus, and a second time it is left alone."""
    shown = run(*words(agent))
    assert (shown.exit_code, shown.stdout) == (0, f"+ made/{FILES[agent]}\n")
    text = (empty.parent / "made" / FILES[agent]).read_text()
    assert "/var/log/a.log" in text
    again = run(*words(agent))
    assert (again.stdout, "is as it should be" in again.stderr) == ("", True)


def test_a_dry_run_shows_the_difference(run, empty):
    """What differs is shown, and nothing is written."""
    run(*words("vector"))
    file = empty.parent / "made" / "vector.yaml"
    before = file.read_text()
    shown = run(*words("vector"), "--data", "/srv/vector", "--dry-run")
    assert "-data_dir: /var/lib/vector" in shown.stdout
    assert "+data_dir: /srv/vector" in shown.stdout
    assert file.read_text() == before


def test_a_path_that_is_not_whole_is_written_with_a_word_of_warning(run, empty):
    """Where the agent is started nobody knows here, so the file is written and the doubt is said."""
    shown = run("pipeline", "render", "vector", "--tail", "a.log", "--to", DOORS["vector"], "--out", "made")
    assert shown.exit_code == 0
    assert "'a.log' depends on the folder" in " ".join(shown.stderr.split())
    assert "depends on the folder" not in run(*words("vector")).stderr


def test_a_wrong_door_is_refused(run, empty):
    """An address of another wire is refused with one that would do."""
    shown = run("pipeline", "render", "vector", "--tail", "a.log", "--to", "tcp://c:5960", "--out", "made")
    assert shown.exit_code == 2
    assert "such as https://collector.example.org:5959" in " ".join(shown.stderr.split())


@pytest.mark.parametrize("command", ["collect", "up"])
def test_a_folder_cannot_be_followed(run, empty, command):
    """A folder is refused, with a pattern to name instead."""
    ports = [word for name in ("http", "tcp", "beats") for word in (f"--{name}-port", "0")]
    more = ("--port", "0") if command == "up" else ()
    shown = run(command, *ports, *more, "--tail", str(empty.parent))
    assert shown.exit_code == 2
    assert "*.log" in shown.stderr
