import ast
import doctest
import importlib
import importlib.util
import re
import shlex
from collections.abc import Iterator

import click
import pytest

COMMENT = re.compile(r"\s#\s.*$")
SHELL = re.compile(r"\s(?:\||>|>>|&&|;|2>)\s.*$|\s&$")


def _command_lines(block: str) -> Iterator[str]:
    """Give the lines of a console block that a person types, without comments and what the shell does."""
    for line in block.replace("\\\n", " ").splitlines():
        typed = SHELL.sub("", COMMENT.sub("", line.strip().removeprefix("$ ")))
        if re.match(r"(mlmon|make)\b", typed):
            yield typed


def _parse(command: click.Command, name: str, args: list[str], parent: click.Context | None = None) -> None:
    """Parse a command line as click would, down to the last command, without running anything."""
    context = command.make_context(name, args, parent=parent)
    rest = [*context._protected_args, *context.args]
    if isinstance(command, click.Group) and rest:
        found, chosen, remaining = command.resolve_command(context, rest)
        assert chosen is not None
        _parse(chosen, found or "", remaining, context)


def _complaint(group: click.Command, line: str) -> str | None:
    """Give what click has against a command line, or None; files it names need not exist here."""
    try:
        _parse(group, "mlmon", shlex.split(line)[1:])
    except click.MissingParameter as error:
        return error.format_message()
    except click.BadParameter as error:
        named_file = error.param is not None and isinstance(error.param.type, click.Path | click.File)
        return None if named_file else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    except click.exceptions.Exit:  # --help and --version end here
        return None
    return None


def _cli() -> click.Group:
    module = importlib.import_module("mlmon.cli.main")
    groups = [value for value in vars(module).values() if isinstance(value, click.Group)]
    assert len(groups) == 1, "mlmon.cli.main holds the one click group"
    return groups[0]


@pytest.mark.skipif(
    importlib.util.find_spec("mlmon.cli.main") is None, reason="mlmon.cli.main does not exist yet"
)
def test_command_lines_parse(blocks):
    """Every mlmon command line in a console block names a command and options that exist."""
    group = _cli()
    typed = [(place, line) for place, block in blocks("console") for line in _command_lines(block)]
    wrong = [
        f"{place}: {line}: {complaint}"
        for place, line in typed
        if line.startswith("mlmon") and (complaint := _complaint(group, line))
    ]
    assert wrong == []


def test_make_targets_exist(root, blocks):
    """Every make line in a console block names a target of the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (root / "Makefile").read_text(), re.MULTILINE))
    typed = [(place, line) for place, block in blocks("console") for line in _command_lines(block)]
    named = {(place, word) for place, line in typed if line.startswith("make") for word in line.split()[1:]}
    assert {(place, word) for place, word in named if "=" not in word and word not in targets} == set()


def test_python_blocks_compile(blocks):
    """Every Python block is valid Python."""
    for place, block in blocks("python"):
        examples = doctest.DocTestParser().get_examples(block)
        source = "".join(example.source for example in examples) or block
        compile(source, place, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)


def test_a_wrong_command_line_is_seen():
    """An unknown command, option or choice is complained of, and a missing file or a pipe is not."""

    @click.group()
    def group() -> None: ...

    @group.command()
    @click.option("--format", type=click.Choice(["table", "json"]))
    @click.argument("path", type=click.Path(exists=True))
    def metrics(**_: object) -> None: ...

    assert "no such command" in (_complaint(group, "mlmon metrik") or "").lower()
    assert "no such option" in (_complaint(group, "mlmon metrics --fromat json") or "").lower()
    assert _complaint(group, "mlmon metrics rows.csv --format xml")
    assert _complaint(group, "mlmon metrics")
    assert _complaint(group, "mlmon metrics --format json not-there.csv") is None
    assert _complaint(group, "mlmon metrics --help") is None
    (line,) = _command_lines("$ mlmon metrics \\\n    --format json | jq .  # rows\noutput\n")
    assert line.split() == ["mlmon", "metrics", "--format", "json"]
