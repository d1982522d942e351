import re

import click
import pytest

from mlmon.cli.main import cli


def leaves(command: click.Command, path: str = "mlmon"):
    """Every command that is no group, with the words that name it."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from leaves(found, f"{path} {name}")


@pytest.fixture(scope="module")
def sections(root) -> dict[str, str]:
    """Give the sections of docs/cli.md by their heading."""
    text = (root / "docs" / "cli.md").read_text()
    parts = re.split(r"^#{2,3} (.*)\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def test_every_command_has_a_section(sections):
    """Every command has a section of its name in the documentation, and no section names another."""
    documented = {heading for heading in sections if heading.startswith("mlmon ")}
    assert documented == {path for path, _ in leaves(cli)}


def test_every_option_is_documented(sections):
    """Every option is named in its command's section, or among those that all commands share."""
    shared = sections["What all commands share"]
    missing = [
        f"{path} {option}"
        for path, command in leaves(cli)
        for param in command.params
        if isinstance(param, click.Option)
        for option in param.opts
        if not re.search(rf"{re.escape(option)}\b", sections[path] + shared)
    ]
    assert missing == []
