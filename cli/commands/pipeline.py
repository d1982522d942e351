"""`mlmon pipeline`: the configuration of other people's wires, rendered from the schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli import agents
from mlmon.cli.options import SOURCE, Asked, asks, examples, settings

if TYPE_CHECKING:
    from mlmon.cli.wiring_pipeline import File

_EXAMPLE: Final = "mlmon pipeline render logstash --out ls"


@click.group(epilog=examples(_EXAMPLE, f"{_EXAMPLE} --dry-run"))
def command() -> None:
    """Render the configuration of the wires that you run yourself."""


@command.group(epilog=examples(_EXAMPLE, f"{_EXAMPLE} --dry-run"))
def render() -> None:
    """Write a wire's files, made from the schema and the settings."""


_PORT = click.IntRange(1, 65535)


@render.command(
    epilog=examples(
        _EXAMPLE,
        f"{_EXAMPLE} --dry-run",
        f"{_EXAMPLE} --store opensearch+https://host:9200",
        f"{_EXAMPLE} --input http --input kafka",
    )
)
@asks(*SOURCE)
@click.option("--out", required=True, metavar="DIR", type=click.Path(file_okay=False), help="Where to write.")
@click.option("--dry-run", is_flag=True, help="Show what differs from the files there, and write nothing.")
@click.option(
    "--input",
    "inputs",
    multiple=True,
    metavar="NAME",
    help="beats, http, tcp, kafka, s3 or kinesis; may be given again. Default: beats and http.",
)
@click.option("--home", metavar="DIR", help="Where the files will lie on Logstash's machine.")
@click.option("--data", metavar="DIR", help="Logstash's folder for data: its queues.")
@click.option("--logs", metavar="DIR", help="Logstash's folder for its own log.")
@click.option("--host", metavar="ADDRESS", help="Where the doors listen. Default: everywhere, with TLS.")
@click.option("--beats-port", type=_PORT, metavar="PORT", help="Port of the Beats input. Default: 5044.")
@click.option("--http-port", type=_PORT, metavar="PORT", help="Port of the http input. Default: 8080.")
@click.option("--tcp-port", type=_PORT, metavar="PORT", help="Port of the tcp input. Default: 5960.")
@click.option("--plaintext", is_flag=True, help="Doors without TLS; on this machine only.")
@click.option("--any-client", is_flag=True, help="Let clients in that show no certificate.")
@click.option("--kafka-servers", metavar="HOSTS", help="host:port of brokers, with commas.")
@click.option("--kafka-topic", multiple=True, metavar="NAME", help="A topic; may be given again.")
@click.option("--kafka-plaintext", is_flag=True, help="Speak to the brokers without TLS.")
@click.option(
    "--kafka-sasl",
    type=click.Choice(["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"], case_sensitive=False),
    metavar="MECHANISM",
    help="Show a user and a password: PLAIN, SCRAM-SHA-256 or SCRAM-SHA-512.",
)
@click.option("--s3-bucket", metavar="NAME", help="The bucket with files of lines.")
@click.option("--s3-prefix", metavar="TEXT", help="Only files whose names begin so.")
@click.option("--kinesis-stream", metavar="NAME", help="The stream of Kinesis.")
@click.option("--region", metavar="NAME", help="The region of the bucket and the stream.")
@click.option("--queue", metavar="SIZE", help="How much may wait on disk. Default: 4gb.")
@click.option(
    "--sync-every",
    type=click.IntRange(1),
    metavar="N",
    help="Sync the queue to disk after N events. Default: 1024; 1 is the safest.",
)
@click.option(
    "--ingest-pipeline", metavar="NAME", help="The cluster's pipeline to send through; it must be there."
)
def logstash(asked: Asked, *, out: str, dry_run: bool, **flags: Any) -> None:  # noqa: ANN401 - click's values
    """Write Logstash's pipelines: inputs, the check of each event, and the output to the cluster.

    The cluster, its namespace and the limits are those of the settings. Secrets are in no file: they belong
    into Logstash's keystore. Files that are the same are not touched, others in the folder neither.
    """
    from mlmon.cli import wiring_pipeline
    from mlmon.cli.output import note
    from mlmon.cli.units import counted

    config = settings(asked)
    files = wiring_pipeline.logstash(config, wiring_pipeline.chosen(flags), out)
    if wiring_pipeline.names_no_store(config):
        note(f"No cluster was named, so it is {wiring_pipeline.USUAL_CLUSTER}. Name yours with --store.")
    if config.store.fingerprint and not config.store.ca_file:
        note("Logstash cannot go by store.fingerprint. Set store.ca_file to the authority of the cluster.")
    due = [file for file in files if file.sign != "="]
    if dry_run:
        _show(due)
    else:
        for file in wiring_pipeline.write(files):
            click.echo(f"{file.sign} {file.path}")
    done = "would be written" if dry_run else "written"
    same = len(files) - len(due)
    note(f"{counted(len(due), 'file')} {done}, {same} {'is' if same == 1 else 'are'} as they should be.")
    if not dry_run:
        note("Next: docs/logstash.md says where certificates and secrets go, and how to start Logstash.")


for _agent in agents.commands():
    render.add_command(_agent)


def _show(due: list[File]) -> None:
    for file in due:
        click.echo(f"{file.sign} {file.path}")
        if file.sign == "~":
            click.echo("\n".join(file.diff()))
