"""The settings in effect: `mlmon.yaml`, then `MLMON_*` variables, then flags; the later wins.

A key or variable that is not known is an error that names it and the nearest right one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, get_type_hints

import msgspec
from msgspec import Struct

from mlmon.core import config
from mlmon.core.config import Config
from mlmon.core.errors import ConfigError, nearest

FILE: Final = "mlmon.yaml"
_OTHER_VARIABLES: Final = ("MLMON_CONFIG", "MLMON_LOG_", "MLMON_TEST_", config.NOTIFY)

_IN_WORDS: Final = {
    "[1-9]": "a time above 0: a number with s, m, h, d or w, such as 30d",
    "[smhdw]": "a time: a number with s, m, h, d or w, such as 30d",
}
"""By a part of a pattern: what it is that a person should give."""


def load(
    path: str | Path | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Put the settings together.

    `path` of None takes `MLMON_CONFIG`, else `mlmon.yaml` in the working folder where there is one. `flags`
    are dotted keys with values; those of None were not given.

    Raises:
        ConfigError: a file that cannot be read, an unknown key or variable, a value of a wrong type.

    """
    environ = environ or {}
    tree = _read(path, environ)
    _check_known(tree)
    for name, text in _variables(environ):
        _set(tree, name, _parsed(text))
    for key, value in (flags or {}).items():
        if value is not None:
            _set(tree, key, value)
    try:
        return msgspec.convert(_plain(tree), Config, strict=False)
    except msgspec.ValidationError as error:
        raise _wrong(str(error), tree) from None


def _wrong(error: str, tree: Any) -> ConfigError:  # noqa: ANN401 - whatever was read
    """The error of a value that cannot be meant, in words where a pattern is all that was said of it."""
    expected, _, path = error.partition(" - at `$.")
    key = path.rstrip("`")
    known = next((words for pattern, words in _IN_WORDS.items() if pattern in expected), None)
    expected = expected if known is None else f"Expected {known}"
    what = f" - at {key}{_value(tree, key)}" if key else ""
    return ConfigError(
        f"The configuration is wrong: {expected}{what}. See the table of settings in docs/configuration.md."
    )


def _value(tree: Any, key: str) -> str:  # noqa: ANN401 - as above
    """What was given for a key, where it is one that a person wrote and that holds no secret."""
    for name in key.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return ""
        tree = tree[name]
    return "" if key.startswith("notify") else f", which is {tree!r}"


def _plain(value: Any) -> Any:  # noqa: ANN401 - whatever YAML made of it
    """The tree with its dates as text: YAML makes dates of what looks like one."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _read(path: str | Path | None, environ: Mapping[str, str]) -> dict[str, Any]:
    named = path or environ.get("MLMON_CONFIG")
    file = Path(named or FILE)
    if named is None and not file.exists():
        return {}
    try:
        tree = msgspec.yaml.decode(file.read_bytes())
    except OSError as error:
        raise ConfigError(
            f"The configuration file {file} cannot be read: {error.strerror}. Check its path."
        ) from None
    except (msgspec.DecodeError, ValueError) as error:  # the latter of a date that no calendar has
        raise ConfigError(f"The configuration file {file} is no YAML: {error}.") from None
    if tree is not None and not isinstance(tree, dict):
        raise ConfigError(
            f"The configuration file {file} must hold keys and values, such as 'store:', "
            f"not a {type(tree).__name__}."
        )
    # A section with nothing below it is as one that is not there.
    return {key: value for key, value in (tree or {}).items() if value is not None}


def _check_known(tree: dict[str, Any], section: type[Struct] = Config, prefix: str = "") -> None:
    """Refuse an unknown key before msgspec does, to name the nearest right one."""
    hints = get_type_hints(section)
    for name, value in tree.items():
        if name not in hints:
            raise ConfigError(
                f"The configuration has an unknown key '{prefix}{name}' (value {value!r}). "
                f"Allowed here: {', '.join(hints)}.{nearest(str(name), hints)}"
            )
        if f"{prefix}{name}" in config.BY_NAME and isinstance(value, dict):
            of_one = config.BY_NAME[f"{prefix}{name}"]
            for key, settings in value.items():
                _check_known(settings if isinstance(settings, dict) else {}, of_one, f"{prefix}{name}.{key}.")
        elif isinstance(hints[name], type) and issubclass(hints[name], Struct):
            if not isinstance(value, dict):
                raise ConfigError(
                    f"The configuration's '{name}' must hold keys and values, such as "
                    f"'{next(config.all_keys(hints[name]))}:', not {value!r}."
                )
            _check_known(value, hints[name], f"{name}.")


def _variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    known = {config.variable(key): key for key in config.all_keys()}
    for name, text in environ.items():
        if not name.startswith(config.PREFIX) or name.startswith(_OTHER_VARIABLES) or name in config.SECRETS:
            continue
        if name not in known:
            raise ConfigError(f"The environment has an unknown setting {name}={text}.{nearest(name, known)}")
        yield known[name], text


def _parsed(text: str) -> Any:  # noqa: ANN401 - whatever YAML makes of it
    try:
        return msgspec.yaml.decode(text.encode())
    except (msgspec.DecodeError, ValueError):  # as above
        return text


def _set(tree: dict[str, Any], key: str, value: Any) -> None:  # noqa: ANN401 - checked when the tree is converted
    *sections, name = key.split(".")
    for section in sections:
        tree = tree.setdefault(section, {})
    tree[name] = value
