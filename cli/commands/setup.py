"""`mlmon setup`: give a cluster the templates and lifecycles that its documents need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlmon.cli.wiring_cluster import Change, Cluster
    from mlmon.core.config import Config


_FROM_NOW_ON: Final = {
    ".settings.": "Settings hold for indices that are begun from now on; a stream begins one when it rolls "
    "over, at once with: POST /STREAM/_rollover",
    ".lifecycle.": "Streams that are there keep their retention; change it with: "
    "PUT /_data_stream/STREAM/_lifecycle",
    "policy.states": "Indices that are there go on by the policy as it was; change it with: "
    "POST /_plugins/_ism/change_policy/INDEX",
}
"""By a part of a key that differs: what does not follow by itself."""


@click.command(
    epilog=examples(
        "mlmon setup --store elasticsearch+https://host:9200 --dry-run",
        "mlmon setup --store elasticsearch+https://host:9200",
        "mlmon setup --store opensearch://localhost:9200 --remove",
        "mlmon setup --store elasticsearch+https://host:9200 --print > parts.json",
        "mlmon setup --store elasticsearch+https://host:9200 --roles",
        "mlmon setup --kibana https://host:5601",
    )
)
@asks(*SOURCE)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option("--remove", is_flag=True, help="Take away what was set up. Documents stay.")
@click.option("--kibana", metavar="URL", help="Put the dashboards there, too. Default: kibana.url.")
@click.option("--print", "prints", is_flag=True, help="Print all parts, as JSON, and do nothing else.")
@click.option("--roles", is_flag=True, help="Print the roles to create, as JSON, and do nothing else.")
def command(
    asked: Asked, *, dry_run: bool, remove: bool, prints: bool, kibana: str | None, roles: bool
) -> None:
    """Set a cluster up: templates, lifecycles, names, dashboards.

    Running it again changes only what differs, so it is also how a cluster follows a newer mlmon. What you
    put into the component template mlmon@custom is yours: it is never touched, and it wins.
    With store.namespace set, that namespace gets settings of its own.
    """
    ways = {"--remove": remove, "--print": prints, "--roles": roles}
    if sum(ways.values()) > 1:
        raise click.UsageError(f"Give one of {', '.join(way for way, is_asked in ways.items() if is_asked)}.")
    config = settings(asked, kibana__url=kibana)
    from mlmon.cli import wiring_cluster

    if roles:
        _print(wiring_cluster.roles(config))
        return
    with wiring_cluster.cluster(config) as at:
        if prints:
            _print(wiring_cluster.parts(at))
            return
        click.echo(at.name)
        if remove:
            _remove(at, dry_run=dry_run)
        else:
            _set_up(at, dry_run=dry_run)
    if config.kibana.url is not None and not remove:
        _dashboards(config, dry_run=dry_run)


def _dashboards(config: Config, *, dry_run: bool) -> None:
    from mlmon.cli.commands import dashboards

    if dry_run:
        dashboards.show(config)
    else:
        dashboards.put(config)


def _print(bodies: Mapping[str, Any]) -> None:
    import msgspec

    click.echo(msgspec.json.format(msgspec.json.encode(bodies), indent=2).decode())


def _set_up(at: Cluster, *, dry_run: bool) -> None:
    from mlmon.cli import output, wiring_cluster

    changes = wiring_cluster.plan(at)
    due = [change for change in changes if change.is_due]
    if dry_run:
        for change in due:
            _show(change)
    else:
        for change in wiring_cluster.apply(at, changes):
            click.echo(_line(change))
    for sign, line in _FROM_NOW_ON.items():
        if any(_differs(change, sign) for change in due):
            output.note(line)
    for _, line in wiring_cluster.missing(at):
        output.note(line)
    same = len(changes) - len(due)
    done = "would be put" if dry_run else "put"
    output.note(f"{len(due)} parts {done}, {same} are as they should be.")


def _differs(change: Change, sign: str) -> bool:
    """Whether a part that is there has another value of such a key."""
    return change.status == "differs" and any(sign in key for key in change.differences)


def _line(change: Change) -> str:
    sign = "+" if change.status == "absent" else "~"
    return f"{sign} {change.part.kind} {change.part.name}"


def _show(change: Change) -> None:
    """The part, and where it is there already, each key that differs."""
    click.echo(_line(change))
    if change.status == "absent":
        return
    for key, (old, new) in change.differences.items():
        click.echo(f"    {key}: {'(none)' if old is None else old} -> {new}")


def _remove(at: Cluster, *, dry_run: bool) -> None:
    from mlmon.cli import output, wiring_cluster

    if dry_run:
        for part in wiring_cluster.going(at):
            click.echo(f"- {part.kind} {part.name}")
        output.note("Nothing was removed. What is yours in mlmon@custom would stay.")
        return
    count = 0
    for part in wiring_cluster.remove(at):
        count += 1
        click.echo(f"- {part.kind} {part.name}")
    output.note(f"{count} parts removed. Documents are as they were.")
