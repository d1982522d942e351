"""`mlmon config`: the settings in effect, and where each comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlmon.core.query import Row

_KEYS: Final = ("key", "value", "from", "variable")


@click.command(
    epilog=examples("mlmon config", "mlmon config --config staging.yaml", "mlmon config --format json"),
)
@asks(*SOURCE, "format")
def command(asked: Asked) -> None:
    """Show the settings in effect and where each comes from.

    A flag beats a variable (MLMON_...), a variable beats the file, the file beats the default.
    """
    from mlmon.cli import output
    from mlmon.cli.output import Column

    output.write(
        _rows(asked),
        asked.format,
        keys=_KEYS,
        columns=[
            Column("key", lambda row: row["key"]),
            Column("value", lambda row: _text(row["value"]), wraps=True),
            Column("from", lambda row: row["from"], wraps=True),
        ],
        empty="There are no settings.",
        hint="Next: set a key in mlmon.yaml, or by its variable: store.url is MLMON_STORE_URL.",
    )


def _text(value: object) -> str:
    """A value as a person writes it into the file; within others without what was left out."""
    if value in (None, (), {}):
        return "-"
    return ", ".join(map(_nested, value)) if isinstance(value, tuple) else _nested(value)


def _nested(value: object) -> str:
    match value:
        case dict():
            said = (f"{key}: {_nested(each)}" for key, each in value.items() if _is_said(each))
            return f"{{{', '.join(said)}}}"
        case tuple():
            return f"[{', '.join(map(_nested, value))}]"
        case bool():
            return str(value).lower()
        case _:
            return str(value)


def _is_said(value: object) -> bool:
    return value is not None and value is not False and value != ()


def _rows(asked: Asked) -> Iterator[Row]:
    import msgspec

    from mlmon.core import config
    from mlmon.core.settings import FILE

    effective = msgspec.to_builtins(settings(asked))
    file = asked.config or os.environ.get("MLMON_CONFIG") or FILE
    written = _written(file)
    for key in config.all_keys():
        value, origin = _at(effective, key.split(".")), _origin(key, asked, written, file)
        yield {"key": key, "value": value, "from": origin, "variable": config.variable(key)}
    for path in _named(effective):
        value, origin = _at(effective, path), file if _has(written, path) else "default"
        if value is not None:
            yield {"key": ".".join(path), "value": value, "from": origin, "variable": None}


def _named(effective: dict[str, Any]) -> Iterator[list[str]]:
    """Where the settings are that stand below a name of a person's choice."""
    from mlmon.core.config import BY_NAME

    for section in BY_NAME:
        above = section.split(".")
        for name, given in _at(effective, above).items():
            yield from ([*above, name, key] for key in given)


def _origin(key: str, asked: Asked, written: dict[str, Any], file: str) -> str:
    from mlmon.core import config

    if key == "store.url" and asked.store is not None:
        return "--store"
    if config.variable(key) in os.environ:
        return config.variable(key)
    return file if _has(written, key.split(".")) else "default"


def _written(file: str) -> dict[str, Any]:
    """What the file itself says; the file was already read once without a complaint."""
    from pathlib import Path

    import msgspec

    path = Path(file)
    return (msgspec.yaml.decode(path.read_bytes()) or {}) if path.exists() else {}


def _has(tree: dict[str, Any], path: Sequence[str]) -> bool:
    *sections, name = path
    for section in sections:
        tree = tree.get(section) or {}
    return name in tree


def _at(tree: Any, path: Iterable[str]) -> Any:  # noqa: ANN401 - a tree of settings
    for name in path:
        tree = tree[name]
    return tree
