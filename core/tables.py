"""Tables of the documentation, rendered from the code they document."""

from __future__ import annotations

from typing import Any, get_type_hints

from msgspec import Meta, Struct

from mlmon.core import config, schema
from mlmon.core.exposition import Kind
from mlmon.core.health import Part
from mlmon.core.meters import METERS, Meter


def schema_table() -> str:
    """Every field as a Markdown table: name, type, datasets, meaning."""
    rows = [
        f"| `{field.name}` | {field.type} | {_datasets(field)} | {field.about}{_unit(field)} |"
        for field in schema.FIELDS.values()
    ]
    return "\n".join(["| field | type | in (**required**) | meaning |", "|---|---|---|---|", *rows, ""])


def _datasets(field: schema.Field) -> str:
    names = {dataset: dataset.removeprefix("mlmon.") for dataset in field.datasets}
    return ", ".join(f"**{name}**" if dataset in field.required else name for dataset, name in names.items())


def _unit(field: schema.Field) -> str:
    return f" In {field.unit}." if field.unit else ""


def settings_table() -> str:
    """Every setting as a Markdown table: key, variable, default, meaning."""
    rows = [
        f"| `{key}` | `{config.variable(key)}` | {_default(default)} | {about} |"
        for key, default, about in _settings(config.Config, "")
    ]
    models = [
        f"| `models.NAME.{key}` | | {_default(default)} | {about} |"
        for key, default, about in _settings(config.ModelConfig, "")
    ]
    routes = [
        f"| `rules.routes.NAME.{key}` | | {_default(default)} | {about} |"
        for key, default, about in _settings(config.RouteConfig, "")
    ]
    return "\n".join(
        ["| key | variable | default | meaning |", "|---|---|---|---|", *rows, *routes, *models, ""]
    )


def meters_table(part: Part) -> str:
    """Every number of a part's reports as a Markdown table: Prometheus' name, kind, meaning, what to do."""
    rows = [
        f"| `{_metric(meter)}` | {meter.kind} | {meter.about} | {meter.advice} |"
        for meter in METERS
        if meter.part is part
    ]
    return "\n".join(["| name | kind | meaning | what to do |", "|---|---|---|---|", *rows, ""])


def _metric(meter: Meter) -> str:
    total = "_total" if meter.kind is Kind.COUNTER else ""
    return f"{meter.metric}{total}{{{meter.label}}}" if meter.label else f"{meter.metric}{total}"


def _settings(section: type[Struct], prefix: str) -> list[tuple[str, Any, str]]:
    rows: list[tuple[str, Any, str]] = []
    defaults = section()
    for name, kind in get_type_hints(section, include_extras=True).items():
        if isinstance(kind, type) and issubclass(kind, Struct):
            rows += _settings(kind, f"{prefix}{name}.")
        elif name not in ("models", "routes"):
            rows.append((f"{prefix}{name}", getattr(defaults, name), _about(kind)))
    return rows


def _about(kind: Any) -> str:  # noqa: ANN401 - any annotation
    notes = [note for note in getattr(kind, "__metadata__", ()) if isinstance(note, Meta)]
    return next((note.description for note in notes if note.description), "")


def _default(value: Any) -> str:  # noqa: ANN401 - any setting
    if value is None or value in ((), {}):
        return ""
    return f"`{', '.join(value)}`" if isinstance(value, tuple) else f"`{value}`"
