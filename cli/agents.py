"""`mlmon pipeline render filebeat` and its like: configurations for agents that read log files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any, Final

import click

from mlmon.cli.options import Asked, asks, examples, settings

_HTTP: Final = "https://collector.example.org:5959"
_BEATS: Final = "beats+tls://collector.example.org:5044"
_AGENTS: Final = {
    "filebeat": ("Filebeat", _BEATS, "/var/lib/filebeat"),
    "elastic-agent": ("Elastic Agent (standalone)", _BEATS, ""),
    "fluent-bit": ("Fluent Bit", _HTTP, "/var/lib/fluent-bit"),
    "vector": ("Vector", _HTTP, "/var/lib/vector"),
}
"""By the name of the command: who reads the files, where it sends to, and where it keeps its places."""


def commands() -> Iterator[click.Command]:
    """A command for each agent."""
    for name, (about, door, data) in _AGENTS.items():
        yield _command(name, about, door, data)


def _command(name: str, about: str, door: str, data: str) -> click.Command:
    @asks("config")
    def write(asked: Asked, **flags: Any) -> None:  # noqa: ANN401 - click's values
        _write(
            name, asked, {"data": data} | {key: value for key, value in flags.items() if value is not None}
        )

    short = door.replace("collector.example.org", "host")
    example = (f"mlmon pipeline render {name} --tail /var/log/app.log \\", f"  --to {short} --out .")
    return click.Command(
        name,
        callback=write,
        help=f"Write the configuration of {about}, which reads log files and sends to the collector.\n\n"
        "Its comments say what it promises. The lines arrive as mlmon collect --tail reads them. "
        "docs/files.md compares the ways.",
        short_help=f"For {about}, which reads log files.",
        epilog=examples(*example),
        params=[*reversed(getattr(write, "__click_params__", [])), *_params(door, data)],
    )


def _params(door: str, data: str) -> list[click.Parameter]:
    is_http = door.startswith("http")
    options: list[click.Parameter] = [
        _option("--out", "out", metavar="DIR", type=click.Path(file_okay=False), required=True,
                help="Where to write."),
        _option("--tail", "paths", metavar="FILE", multiple=True, required=True,
                help="A file or pattern to read; may be given again."),
        _option("--to", "to", metavar="URL", required=True,
                help=f"The collector's door, such as {door}."),
        _option("--ca", "ca", metavar="FILE", help="The authority to believe; PEM, on the agent's machine."),
        _option("--cert", "certificate", metavar="FILE", help="The certificate to show; PEM."),
        _option("--cert-key", "certificate_key", metavar="FILE",
                help="Its key. Default: in the same file."),
        _option("--dry-run", "dry_run", is_flag=True,
                help="Show what differs from the files there, and write nothing."),
    ]  # fmt: skip
    if data:
        options.append(
            _option("--data", "data", metavar="DIR", help=f"Where it keeps its places. Default: {data}.")
        )
    if is_http:
        options.append(
            _option("--key", "has_key", is_flag=True, help="Send the key in the variable MLMON_LOG_KEY.")
        )
    return options


def _option(flag: str, name: str, **more: Any) -> click.Option:  # noqa: ANN401 - as click takes them
    return click.Option([flag, name], **more)


def _write(name: str, asked: Asked, flags: dict[str, Any]) -> None:
    from mlmon.cli import wiring_pipeline
    from mlmon.cli.output import note

    out, dry_run = flags.pop("out"), flags.pop("dry_run")
    for path in flags["paths"]:
        if not (PurePosixPath(path).is_absolute() or PureWindowsPath(path).is_absolute()):
            note(f"'{path}' depends on the folder that the agent is started in. A whole path is safer.")
    for file in wiring_pipeline.agent(name, settings(asked), flags, out):
        if dry_run:
            click.echo("\n".join(file.diff()) or f"{file.sign} {file.path}")
        elif file.sign == "=":
            note(f"{file.path} is as it should be.")
        else:
            for written in wiring_pipeline.write([file]):
                click.echo(f"{written.sign} {written.path}")
