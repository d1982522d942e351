"""Logstash's files, rendered from the schema and options: pipelines, settings, the filter and its rules."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from importlib.resources import files
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined

from mlmon.core import schema
from mlmon.core.errors import UsageError
from mlmon.core.schema import Dataset
from mlmon.pipelines.logstash import rules
from mlmon.pipelines.logstash.options import Options, checked

FAILED_TAG: Final = "_mlmon_filter_failed"
_TEMPLATES: Final = ("logstash.yml", "pipelines.yml", "mlmon.conf", "deadletter.conf")


def render(options: Options) -> dict[str, str]:
    """The text of each file by its name, in the order to write them in.

    A pipeline is behind what it reads, and has its digest. So a Logstash that runs takes a change of any of
    them as a change of the pipeline, and finds the others in place.

    Raises:
        UsageError: options that cannot be meant, or a value that Logstash's language cannot write.

    """
    asked = checked(options)
    script = files("mlmon.pipelines.logstash") / "templates" / "mlmon.rb"
    table = rules.rules(namespace=asked.namespace, limits=asked.limits)
    read = {"mlmon.rb": script.read_text(encoding="utf-8"), "rules.json": rules.to_json(table)}
    environment = _environment()
    context = _context(asked) | {"read": sha256("".join(read.values()).encode()).hexdigest()[:16]}
    output = environment.get_template(f"output_{asked.output.kind}.j2")
    store = partial(_store, output.render, context)
    return read | {
        name: environment.get_template(f"{name}.j2").render(context, store=store) for name in _TEMPLATES
    }


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("mlmon.pipelines.logstash"),
        autoescape=False,  # noqa: S701 - this is no HTML; `lscl` quotes values for Logstash's language
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["lscl"] = quoted
    return environment


def _context(options: Options) -> dict[str, object]:
    own = {name: getattr(options, name) for name in options.__struct_fields__ if name != "limits"}
    return own | {
        "max_event_bytes": options.limits.max_event_bytes,
        "schema": schema,
        "app": str(Dataset.APP),
        "original": rules.ORIGINAL,
        "dead_letter_tag": rules.DEAD_LETTER_TAG,
        "dead_letter_stream": rules.DEAD_LETTER_STREAM,
        "failed_tag": FAILED_TAG,
    }


def _store(render_output: object, context: dict[str, object], id: str) -> str:  # noqa: A002 - the plugin's word
    assert callable(render_output)  # noqa: S101 - a template's method
    return str(render_output(context, id=id)).rstrip("\n")


def quoted(value: str) -> str:
    """A text as Logstash's language writes it: it knows no escapes, so a text may have one kind of quotes.

    >>> quoted("/etc/mlmon")
    '"/etc/mlmon"'

    Raises:
        UsageError: it has both, or a line end, or Logstash would put a variable's value into it.

    """
    if "${" in value:
        raise UsageError(f"Logstash would put a variable's value into {value!r}. Use a text without '${{'.")
    if "\n" in value or "\r" in value or ('"' in value and "'" in value):
        raise UsageError(f"{value!r} cannot be written in Logstash's language. Use a text without quotes.")
    return f"'{value}'" if '"' in value else f'"{value}"'
