"""`mlmon config`: the settings in effect, and where each comes from."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings

if TYPE_CHECKING:
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
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    return "-" if value is None else str(value)


def _rows(asked: Asked) -> list[Row]:
    import msgspec

    from mlmon.core import config

    effective = msgspec.to_builtins(settings(asked))
    file = asked.config or os.environ.get("MLMON_CONFIG") or config.FILE
    written = _written(file)
    known = list(config.keys())
    rows = [_row(key, _value(effective, key), _origin(key, asked, written, file)) for key in known]
    named = {"models": effective["models"], "rules.routes": effective["rules"]["routes"]}
    for section, name, given in (
        (section, name, given) for section, each in named.items() for name, given in each.items()
    ):
        rows += [
            {"key": f"{section}.{name}.{key}", "value": value, "from": file, "variable": None}
            for key, value in given.items()
            if value is not None
        ]
    return rows


def _row(key: str, value: object, origin: str) -> Row:
    from mlmon.core import config

    return {"key": key, "value": value, "from": origin, "variable": config.variable(key)}


def _origin(key: str, asked: Asked, written: dict[str, Any], file: str) -> str:
    from mlmon.core import config

    if key == "store.url" and asked.store is not None:
        return "--store"
    if config.variable(key) in os.environ:
        return config.variable(key)
    return file if _has(written, key) else "default"


def _written(file: str) -> dict[str, Any]:
    """What the file itself says; the file was already read once without a complaint."""
    from pathlib import Path

    import msgspec

    path = Path(file)
    return (msgspec.yaml.decode(path.read_bytes()) or {}) if path.exists() else {}


def _has(tree: dict[str, Any], key: str) -> bool:
    *sections, name = key.split(".")
    for section in sections:
        tree = tree.get(section) or {}
    return name in tree


def _value(tree: Any, key: str) -> object:  # noqa: ANN401 - a tree of settings
    for name in key.split("."):
        tree = tree[name]
    return tree
