"""The options that commands share, and what they mean once given."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, ParamSpec, TypeVar

import click
from msgspec import Struct

from mlmon.core import clock, schema
from mlmon.core.config import Config
from mlmon.core.query import AllOf, Equals, Filter
from mlmon.core.settings import FILE, load
from mlmon.core.window import SIZES, Window, parse_moment

P = ParamSpec("P")
R = TypeVar("R")

FORMATS: Final = ("table", "json", "ndjson", "csv")
_EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)


class Asked(Struct, frozen=True, kw_only=True):
    """What the shared options of one command line say; None where an option was not given."""

    store: str | None = None
    config: str | None = None
    since: str | None = None
    until: str | None = None
    model: str | None = None
    version: str | None = None
    window: str = "all"
    by: str | None = None
    format: str = "table"


_OPTIONS: Final = {
    "store": click.option(
        "--store",
        metavar="URL",
        help="A folder, or a cluster: elasticsearch+https://host:9200. Default: store.url of the settings.",
    ),
    "config": click.option(
        "--config",
        metavar="FILE",
        type=click.Path(dir_okay=False),
        help=f"Read settings from FILE instead of {FILE}.",
    ),
    "since": click.option(
        "--since", metavar="TIME", help="From this time on: 2013-03-01, 2013-03-01T12:00Z or 7d (back)."
    ),
    "until": click.option("--until", metavar="TIME", help="Up to this time, not including it."),
    "model": click.option("--model", metavar="NAME", help="Only this model."),
    "version": click.option("--version", metavar="VERSION", help="Only this version of the model."),
    "window": click.option(
        "--window", type=click.Choice(SIZES), default="all", show_default=True, help="One row a window."
    ),
    "by": click.option(
        "--by",
        metavar="FIELD",
        help="One row a value of a segment field or of 'version'; a feature shows what is said of it.",
    ),
    "format": click.option(
        "--format", type=click.Choice(FORMATS), default="table", show_default=True, help="How to print."
    ),
}
PORT: Final = click.IntRange(0, 65535)
SOURCE: Final = ("store", "config")
SCOPE: Final = (*SOURCE, "since", "until", "model", "version")


def asks(*names: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """Give a command the shared options named; it takes them as one `Asked`, its first argument."""

    def decorate(function: Callable[..., R]) -> Callable[..., R]:
        @functools.wraps(function)
        def command(**values: Any) -> R:  # noqa: ANN401 - click passes what the options say
            return function(Asked(**{name: values.pop(name) for name in names}), **values)

        return functools.reduce(lambda made, name: _OPTIONS[name](made), reversed(names), command)

    return decorate


def door_options(function: Callable[..., R]) -> Callable[..., R]:
    """Give a command the options that say where events come in: the ports, and files to follow."""
    options = (
        click.option(
            "--http-port", type=PORT, help="HTTP, acknowledged. Default: collector.http_port; 0: a free one."
        ),
        click.option(
            "--tcp-port", type=PORT, help="Logstash's json_lines over TCP. Default: collector.tcp_port."
        ),
        click.option("--beats-port", type=PORT, help="Beats, acknowledged. Default: collector.beats_port."),
        click.option(
            "--tail",
            multiple=True,
            metavar="FILE",
            help="Follow a file, or those a pattern names ('logs/*.log'); may be given again.",
        ),
    )
    return functools.reduce(lambda made, option: option(made), reversed(options), function)


def series_format(about: str) -> Callable[[Callable[..., R]], Callable[..., R]]:
    """The option `--format`, as `form`, of a command that looks at one series; `about` is its peculiarity."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(("table", "csv", "json")),
        default="table",
        show_default=True,
        help=f"How to print; {about}.",
    )


def examples(*lines: str) -> str:
    """The end of a command's help: command lines to copy."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def settings(asked: Asked, **flags: Any) -> Config:  # noqa: ANN401 - checked by the configuration
    """The settings in effect; flags are keys with `__` for the dot: `collector__http_port=0`.

    Raises:
        ConfigError: as `mlmon.core.settings.load`.

    """
    given = {key.replace("__", "."): value for key, value in flags.items()}
    return load(asked.config, environ=os.environ, flags={"store.url": asked.store, **given})


def now() -> datetime:
    """The time by the clock of this run: the system's, unless a test handed in another."""
    context = click.get_current_context(silent=True)
    handed_in = context.find_root().obj if context else None
    read: clock.Clock = handed_in if callable(handed_in) else clock.system
    return clock.to_datetime(read())


def span(asked: Asked) -> Window | None:
    """The time asked for; None means all.

    Raises:
        UsageError: a text that is no time, an end before the start.

    """
    if asked.since is None and asked.until is None:
        return None
    moment = now()
    start = parse_moment(asked.since, now=moment) if asked.since else None
    end = parse_moment(asked.until, now=moment) if asked.until else None
    return Window(start=start or min(_EARLIEST, end or _EARLIEST), end=end or max(_LATEST, start or _LATEST))


def chosen(asked: Asked, *more: Filter) -> Filter | None:
    """The filter that the model and version asked for make, with others."""
    filters = [*more]
    if asked.model is not None:
        filters.append(Equals(schema.MODEL_NAME, asked.model))
    if asked.version is not None:
        filters.append(Equals(schema.MODEL_VERSION, asked.version))
    return AllOf(tuple(filters)) if filters else None
