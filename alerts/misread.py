"""What is wrong with a rule file that has not the form: which place, and in words of the file. Pure."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct

from mlmon.alerts.form import PATTERNS, FileForm
from mlmon.core.errors import nearest

At = tuple[str | int, ...]
"""Keys and places that lead to a node of the file."""

_STEP: Final = re.compile(r"\.([A-Za-z_][\w-]*)|\[(\d+)\]")
_SAID: Final = re.compile(r"(.*?)(?: - at `\$(.*)`)?", re.DOTALL)
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.+)`")
_MISSING: Final = re.compile(r"Object missing required field `(.+)`")
_LEAST: Final = re.compile(r"Expected `(?:int|float)` ([<>]=) (\S+)")
_PATTERN: Final = re.compile(r"Expected `str` matching regex '(.*)'")
_KIND: Final = re.compile(r"Expected `(.+)`, got `.+`")
_KINDS: Final = {
    "array": "a list",
    "object": "keys with values",
    "str": "text",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
}
_LONGEST: Final = 40
_WHOLE: Final = "A rule file is 'rules:' with a list below it, each rule with '- name:' first."


def told(error: msgspec.ValidationError, tree: Any) -> tuple[At, str]:  # noqa: ANN401 - what YAML made
    """The place of a mistake in the tree of a file, and a sentence on it with what is allowed."""
    match = _SAID.fullmatch(str(error))
    said, path = (match[1], match[2] or "") if match else (str(error), "")
    at: At = tuple(int(index) if index else name for name, index in _STEP.findall(path))
    if at in ((), ("rules",)) and _KIND.fullmatch(said):
        return at, _WHOLE
    if unknown := _UNKNOWN.fullmatch(said):
        return (*at, unknown[1]), _no_key(unknown[1], at)
    if missing := _MISSING.fullmatch(said):
        return at, f"'{missing[1]}' is missing here." if at else _WHOLE
    return at, _wrong_value(said, at, _value(tree, at))


def _no_key(key: str, at: At) -> str:
    allowed = [each.encode_name for each in msgspec.structs.fields(_kind_at(at))]
    hint = nearest(key, allowed) or f" Allowed: {', '.join(allowed)}."
    return f"'{key}' is no key here.{hint}"


def _wrong_value(said: str, at: At, value: Any) -> str:  # noqa: ANN401 - as above
    name = next((step for step in reversed(at) if isinstance(step, str)), "This")
    shown = _shown(value)
    words = _words(_kind_at(at))
    if words and isinstance(value, str):
        return f"{name} cannot be '{value}'.{nearest(value, words)} Choose of {', '.join(words)}."
    if pattern := _PATTERN.fullmatch(said):
        return f"{name} must be {PATTERNS[pattern[1].replace(chr(92) * 2, chr(92))]}, not {shown}."
    if least := _LEAST.fullmatch(said):
        side = "or more" if least[1] == ">=" else "or less"
        return f"{name} must be {float(least[2]):g} {side}, not {shown}."
    kind = _KIND.fullmatch(said)
    kinds = [_KINDS[each] for each in (kind[1] if kind else "").split(" | ") if each in _KINDS]
    if not kinds:
        return f"{name} cannot be {shown}: {said}."
    return f"{name} must be {' or '.join(kinds)}, {'and is empty' if value is None else f'not {shown}'}."


def _shown(value: Any) -> str:  # noqa: ANN401 - as above
    text = (
        f"'{value}'"
        if isinstance(value, str)
        else str(value).lower()
        if value in (True, False)
        else str(value)
    )
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _value(tree: Any, at: At) -> Any:  # noqa: ANN401 - as above
    for step in at:
        tree = tree[step]
    return tree


def _kind_at(at: At) -> Any:  # noqa: ANN401 - any annotation
    """The annotation of a place: a form's class, or what a key of one may hold."""
    kind: Any = FileForm
    for step in at:
        if isinstance(step, str):
            inside = _struct_in(kind)
            named = {each.encode_name: each.name for each in msgspec.structs.fields(inside)}
            kind = get_type_hints(inside)[named[step]]
    return _struct_in(kind) or kind


def _struct_in(kind: Any) -> Any:  # noqa: ANN401 - as above
    if isinstance(kind, type) and issubclass(kind, Struct):
        return kind
    return next((found for part in get_args(kind) if (found := _struct_in(part)) is not None), None)


def _words(kind: Any) -> list[str]:  # noqa: ANN401 - as above
    """The words that an annotation allows, where it allows only some."""
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return [str(each) for each in kind]
    if get_origin(kind) is Literal:
        return [str(each) for each in get_args(kind)]
    return [word for part in get_args(kind) for word in _words(part)]
