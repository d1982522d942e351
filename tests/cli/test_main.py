import sys

import click
import pytest

from mlmon.cli.main import NEWCOMER, SECTIONS, cli, exit_code
from mlmon.core.errors import (
    ConfigError,
    MlmonError,
    StoreLockedError,
    StoreUnreachableError,
    UsageError,
    WireError,
)

HEAVY = ("duckdb", "numpy", "rich", "sklearn", "starlette", "uvicorn", "jinja2", "orjson", "vl_convert")


def commands(command: click.Command, path: tuple[str, ...] = ()):
    """Every command and group of the tree with its path."""
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


TREE = list(commands(cli))


@pytest.mark.parametrize("path", [path for path, _ in TREE], ids=lambda path: "-".join(path) or "mlmon")
def test_help(run, golden, path):
    """The help of every command is as it was agreed, and fits 80 columns."""
    shown = run(*path, "--help")
    assert shown.exit_code == 0
    assert max(map(len, shown.stdout.splitlines())) <= 80
    golden(f"cli/help/{'-'.join(path) or 'mlmon'}.txt", shown.stdout)


@pytest.mark.parametrize("path", [path for path, _ in TREE if path], ids="-".join)
def test_help_has_examples(run, path):
    """The help of every command ends with command lines to copy, of that command."""
    examples = run(*path, "--help").stdout.partition("Examples:")[2]
    assert f"mlmon {' '.join(path)}" in examples


@pytest.mark.parametrize(
    ("path", "command"), TREE, ids=lambda part: "-".join(part) if isinstance(part, tuple) else ""
)
def test_every_option_says_what_it_does(path, command):
    """No option is without a help text."""
    silent = [param.name for param in command.params if isinstance(param, click.Option) and not param.help]
    assert silent == []


def test_sections_hold_every_module(root):
    """Every module of commands is in one section, and every name of a section has a module."""
    named = [name for names in SECTIONS.values() for name in names]
    modules = {path.stem for path in (root / "cli" / "commands").glob("[a-z]*.py")}
    modules = {name.rstrip("_") for name in modules if "_" not in name[:-1]}  # others are parts of a group
    assert sorted(named) == sorted(modules)


def test_alone_it_welcomes(run, golden):
    """`mlmon` alone shows five commands and how to see all."""
    shown = run()
    assert shown.exit_code == 0
    assert [line.split()[1] for line in shown.stdout.splitlines() if line.startswith("  mlmon ")] == list(
        NEWCOMER
    )
    golden("cli/welcome.txt", shown.stdout)


def test_an_unknown_command_names_the_nearest(run):
    """A misspelt command is wrong usage, and the right one is named."""
    shown = run("metrcs")
    assert shown.exit_code == 2
    assert "Did you mean 'metrics'?" in shown.stderr
    assert shown.stdout == ""


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("x"), 2),
        (ConfigError("x"), 2),
        (StoreUnreachableError("x"), 3),
        (StoreLockedError("x"), 3),
        (WireError("x"), 3),
        (MlmonError("x"), 1),
    ],
)
def test_exit_codes(error, code):
    """Usage is 2, a store, port or peer that cannot be reached is 3, anything else of ours is 1."""
    assert exit_code(error) == code


def test_a_missing_store_is_one_paragraph(process, tmp_path):
    """A store that is not there is told in one paragraph on stderr, without a traceback, with exit code 3."""
    ended = process("metrics", "--store", "nowhere", cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("Error: There is no store at 'nowhere'.")
    assert len(ended.stderr.strip().splitlines()) == 1


def test_what_the_system_refuses_is_told(process, store):
    """A file that cannot be written is told in one paragraph, without a traceback, with exit code 1."""
    ended = process("report", "--out", "/proc/m.html", cwd=store.parent)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("Error: /proc/m.html: ")
    assert len(ended.stderr.strip().splitlines()) == 1


def test_an_address_that_names_no_engine_is_refused(run):
    """A plain web address is refused with what to give instead."""
    shown = run("models", "--store", "https://127.0.0.1:9200")
    assert shown.exit_code == 2
    assert "elasticsearch+https://host:9200" in shown.stderr


def test_a_cluster_that_is_not_there(run):
    """A cluster that does not answer is told in a sentence, without a traceback."""
    shown = run("models", "--store", "elasticsearch://127.0.0.1:1")
    assert shown.exit_code == 3
    assert "did not answer" in shown.stderr


def test_help_loads_nothing_heavy(process):
    """The help is shown without loading what only the commands' work needs."""
    script = (
        "import sys\nfrom mlmon.cli.main import run\nrun(['--help'])\n"
        f"sys.exit(','.join(name for name in {HEAVY!r} if name in sys.modules) or 0)"
    )
    import subprocess

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=30
    )
    assert (ended.returncode, ended.stderr) == (0, "")
