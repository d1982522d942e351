"""Rule files to rules: YAML in, frozen values out, every mistake told with file, line and a suggestion."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from mlmon.alerts import misread
from mlmon.alerts.bounds import WrongRuleError
from mlmon.alerts.checked import SHIPPED, checked
from mlmon.alerts.form import FileForm, RuleForm
from mlmon.alerts.rules import Rule, RuleHolds
from mlmon.core.errors import ConfigError, nearest

_BUILTIN: Final = "builtin"
_INT: Final = "tag:yaml.org,2002:int"
_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)$")

Node = yaml.Node


class _Loader(yaml.SafeLoader):
    """YAML in which 22:00 and 2026-03-01 are the text that they look like, not minutes and a date."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, _INTEGER if tag == _INT else pattern) for tag, pattern in resolvers if tag != _TIMESTAMP]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(folder: str | Path) -> tuple[Rule, ...]:
    """The rules of every `*.yaml` and `*.yml` in a folder, by file; none where there is no folder.

    What `only_if` names may also be a rule that comes with mlmon, so `combined` looks for it.

    Raises:
        ConfigError: a file that cannot be read or meant, or a name that is used twice.

    """
    root = Path(folder)
    paths = sorted(path for path in root.glob("*.y*ml") if path.suffix in (".yaml", ".yml"))
    return together((rule for path in paths for rule in read_file(path)), known=True)


def read_file(path: str | Path) -> tuple[Rule, ...]:
    """The rules of a file.

    Raises:
        ConfigError: the file cannot be read or meant.

    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"The rule file {path} cannot be read: {error.strerror}. Check its path.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The rule file {path} is not UTF-8. Save it as UTF-8.") from None
    return parse(text, str(path))


def builtin() -> tuple[Rule, ...]:
    """The rules that come with mlmon."""
    found: list[Rule] = []
    for entry in sorted(files("mlmon.alerts").joinpath(_BUILTIN).iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".yaml"):
            found += parse(entry.read_text(encoding="utf-8"), f"{SHIPPED}{entry.name}")
    return together(found)


def parse(text: str, source: str) -> tuple[Rule, ...]:
    """The rules in a text; `source` names it in messages.

    Raises:
        ConfigError: as `read_file`.

    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        tree = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{source}:{line}: This is no YAML: {error.problem}. Mend it.") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{source}:1: This is no YAML: {error}. Mend it.") from None
    if root is None:
        return ()
    _refuse_doubled_keys(root, source)
    form = _converted(tree, root, source)
    rules = []
    for place, each in enumerate(form.rules):
        if each.enabled:
            rules.append(_rule(each, root, source, place))
    return together(rules, known=True)


def together(rules: Iterable[Rule], *, known: bool = False) -> tuple[Rule, ...]:
    """Rules of several files as one list.

    With `known`, rules that are named by `only_if` and are not here may be elsewhere.

    Raises:
        ConfigError: a name is used twice, `only_if` names no rule, or rules wait for each other in a circle.

    """
    found: dict[str, Rule] = {}
    for rule in rules:
        other = found.setdefault(rule.name, rule)
        if other is not rule:
            raise ConfigError(
                f"{rule.place}: The name '{rule.name}' is taken by {other.place}. Choose another name."
            )
    if not known:
        _check_named(found)
    return tuple(found.values())


def combined(own: tuple[Rule, ...], shipped: tuple[Rule, ...]) -> tuple[Rule, ...]:
    """A team's rules and those that come with mlmon; one of the same name replaces the shipped one.

    Raises:
        ConfigError: as `together`.

    """
    names = {rule.name for rule in own}
    return together((*own, *(rule for rule in shipped if rule.name not in names)))


def _check_named(rules: Mapping[str, Rule]) -> None:
    needs = {
        rule.name: {each.rule for each in rule.only_if if isinstance(each, RuleHolds)}
        for rule in rules.values()
    }
    for name, others in needs.items():
        for other in others - rules.keys():
            raise ConfigError(
                f"{rules[name].place}: only_if of '{name}' names the rule '{other}', which there is not."
                f"{nearest(other, rules)}"
            )
    done: set[str] = set()
    while waiting := {name for name in needs if name not in done}:
        ready = {name for name in waiting if needs[name] <= done}
        if not ready:
            name = min(waiting)
            raise ConfigError(
                f"{rules[name].place}: only_if of '{name}' waits for itself, by way of "
                f"{', '.join(sorted(waiting))}. Let one of them stand alone."
            )
        done |= ready


def _rule(form: RuleForm, root: Node, source: str, place: int) -> Rule:
    try:
        return checked(form, f"{source}:{_line(root, ('rules', place))}")
    except WrongRuleError as error:
        at = ("rules", place, *error.at)
        raise ConfigError(f"{source}:{_line(root, at)}: {error}") from None


def _converted(tree: Any, root: Node, source: str) -> FileForm:  # noqa: ANN401 - what YAML makes of a file
    try:
        return msgspec.convert(tree, FileForm)
    except msgspec.ValidationError as error:
        at, said = misread.told(error, tree)
        raise ConfigError(f"{source}:{_line(root, at)}: {said}") from None


def _line(root: Node, at: misread.At) -> int:
    """The line of a place in the file, or of the nearest thing around it."""
    node, line = root, root.start_mark.line + 1
    for step in at:
        found = _child(node, step)
        if found is None:
            break
        line, node = found
    return line


def _child(node: Node, step: str | int) -> tuple[int, Node] | None:
    if isinstance(node, yaml.MappingNode) and isinstance(step, str):
        for key, value in node.value:
            if key.value == step:
                return key.start_mark.line + 1, value
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        return node.value[step].start_mark.line + 1, node.value[step]
    return None


def _refuse_doubled_keys(node: Node, source: str) -> None:
    """A key that stands twice would silently lose its first value."""
    for each in _nodes(node):
        if isinstance(each, yaml.MappingNode):
            seen: set[str] = set()
            for key, _ in each.value:
                if key.value in seen:
                    line = key.start_mark.line + 1
                    raise ConfigError(f"{source}:{line}: '{key.value}' stands here twice. Leave one out.")
                seen.add(key.value)


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, yaml.MappingNode):
        for _, value in node.value:
            yield from _nodes(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _nodes(value)
