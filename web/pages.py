"""HTML from templates, with everything from events escaped."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from mlmon.core import metric
from mlmon.core.clock import isoformat
from mlmon.core.panel import Unit
from mlmon.core.result import identity
from mlmon.web import bundle, evidence, export, found, overview, units
from mlmon.web.alerts import PHASES
from mlmon.web.marks import Spec
from mlmon.web.view import PRESETS, address, utc

SCRIPTS = ("theme.js", "time.js", "table.js", "draw.js", "cursor.js", "page.js")
"""The page's own scripts, in the order they are loaded."""

STYLE = "style.css"
VEGA = "vega.js"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mlmon.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["moment"] = moment
    environment.filters["iso"] = isoformat
    environment.filters["words"] = metric.words
    environment.filters["count"] = lambda value: units.number(value, Unit.COUNT)
    environment.filters["label"] = found.label
    environment.filters["identity"] = identity
    environment.filters["said"] = found.said
    environment.filters["told"] = overview.told
    environment.globals.update(
        PHASES=PHASES,
        PRESETS=PRESETS,
        address=address,
        value=evidence.value,
        model_path=model_path,
        finding_path=finding_path,
        room=room,
    )
    return environment


def render(template: str, **values: Any) -> str:  # noqa: ANN401 - whatever a template shows
    """A page of a template."""
    return _environment().get_template(template).render(**values)


def moment(value: datetime) -> Markup:
    """A time that the browser shows in the viewer's zone, with UTC on hover."""
    stamp = isoformat(value.astimezone(UTC))
    return Markup('<time datetime="{stamp}" title="{utc}">{utc}</time>').format(stamp=stamp, utc=utc(value))


def inline_json(value: Any) -> Markup:  # noqa: ANN401 - any plain value
    """Plain values as JSON that may stand inside an HTML script element."""
    text = export.as_json(value).decode()
    for letter in "<>&\u2028\u2029":
        text = text.replace(letter, f"\\u{ord(letter):04x}")
    return Markup(text)  # noqa: S704 - nothing that HTML would read is left


@lru_cache(maxsize=16)
def asset(name: str) -> str:
    """The text of one of the page's own files."""
    return files("mlmon.web").joinpath("assets", name).read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def assets_path() -> str:
    """Where the page's own files are; it changes when they do, so that a browser may keep them for good."""
    text = "".join(asset(name) for name in (*SCRIPTS, STYLE))
    return f"/assets/{hashlib.blake2b(text.encode(), digest_size=6).hexdigest()}"


def vega_path() -> str:
    """Where the script that draws is; it outlives changes of the page's own files."""
    return f"/assets/{bundle.tag()}/{VEGA}"


_AXIS: Final = 32
_TITLED_AXIS: Final = 45


def room(specs: Sequence[Spec]) -> int:
    """The height in pixels that charts will have, so that nothing moves when they are drawn."""
    return sum(spec["height"] + (_TITLED_AXIS if _is_titled(spec) else _AXIS) for spec in specs)


def _is_titled(spec: Spec) -> bool:
    axes = (layer["encoding"].get("x") for layer in spec["layer"])
    return any(axis.get("title") for axis in axes if axis)


def model_path(name: str) -> str:
    """Where a model's page is; its name may hold anything."""
    return f"/models/{quote(name, safe='')}"


def finding_path(id_: str) -> str:
    """Where a finding's page is."""
    return f"/findings/{quote(id_, safe='')}"
