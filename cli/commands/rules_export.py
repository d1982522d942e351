"""`mlmon rules export`: the same rules for engines that judge by themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, settings
from mlmon.cli.wiring_exports import TARGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlmon.cli.wiring_exports import Exported, Refused
    from mlmon.cli.wiring_rules import Rule
    from mlmon.core.config import Config

_EXPORT: Final = "mlmon rules export --to"


@click.command(
    name="export",
    epilog=examples(
        f"{_EXPORT} elastalert --out elastalert-rules",
        f"{_EXPORT} watcher --simulate --config prod.yaml",
        f"{_EXPORT} opensearch --push worse --config prod.yaml",
        f"{_EXPORT} kibana --push worse --kibana https://HOST:5601",
    ),
)
@asks(*SOURCE)
@click.argument("names", nargs=-1, metavar="[RULE]...")
@click.option("--to", "target", type=click.Choice(TARGETS), required=True, help="The engine.")
@click.option(
    "--judge",
    type=click.Choice(("engine", "mlmon")),
    default="engine",
    show_default=True,
    help="Who judges; mlmon: the engine only tells of the alerts that mlmon rules evaluate keeps.",
)
@click.option("--out", metavar="DIR", type=click.Path(file_okay=False), help="Write a file a rule.")
@click.option("--push", is_flag=True, help="Put them into the cluster or Kibana, over their own.")
@click.option("--kibana", metavar="URL", help="Where Kibana is. Default: kibana.url of the settings.")
@click.option("--space", metavar="NAME", help="The space of Kibana. Default: kibana.space.")
@click.option("--simulate", is_flag=True, help="Let Watcher run each once, now; nothing is kept or told.")
@click.option(
    "--notify",
    multiple=True,
    metavar="WAY",
    help="How it tells; may be given again. Watcher: log, email:ADDRESS, slack:#CHANNEL or a webhook's URL; "
    "OpenSearch: the id of a channel; Kibana: the id of a connector; ElastAlert2: the name of an alerter.",
)
def command(
    asked: Asked,
    *,
    names: tuple[str, ...],
    target: str,
    judge: str,
    out: str | None,
    push: bool,
    simulate: bool,
    notify: tuple[str, ...],
    **where: str | None,
) -> None:
    """Write rules for Watcher, OpenSearch's monitors, Kibana or ElastAlert2.

    All rules of the settings, or those named. These engines search and compare; what they cannot say of a
    rule is told with the reason, and that rule is left out, never made weaker. A rule named that is left out
    is an error.
    """
    from mlmon.cli import wiring_exports
    from mlmon.cli.output import note

    config = settings(asked, kibana__url=where["kibana"], kibana__space=where["space"])
    done, refused = wiring_exports.export(
        _chosen(config, names), target, config, notify, by_mlmon=judge == "mlmon"
    )
    if simulate:
        for name, tried in wiring_exports.simulate(done, target, config):
            acts = ", ".join(tried.actions) or "nothing"
            click.echo(f"{name}: {f'too much now, and would do: {acts}' if tried.is_met else 'well now'}")
    elif push:
        for name, is_new in wiring_exports.push(done, target, config):
            click.echo(f"{'+' if is_new else '~'} {name}")
    elif out is not None:
        for path in wiring_exports.write(done, out):
            click.echo(str(path))
    else:
        between = "---\n" if target == "elastalert" else "\n"
        click.echo(between.join(each.text for each in done), nl=False)
    _tell(done, refused)
    if names and refused:
        raise click.exceptions.Exit(1)
    if (out is not None or push) and judge == "engine":
        note(f"Silence and ack of mlmon do not reach {target}; mute them there.")


def _chosen(config: Config, names: tuple[str, ...]) -> list[Rule]:
    from mlmon.cli import wiring_rules
    from mlmon.core.errors import UsageError, nearest

    known = {rule.name: rule for rule in wiring_rules.rules(config)}
    for name in names:
        if name not in known:
            raise UsageError(
                f"There is no rule '{name}'.{nearest(name, known)} There are {', '.join(known)}."
            )
    return [known[name] for name in names] or list(known.values())


def _tell(done: Sequence[Exported], refused: Sequence[Refused]) -> None:
    from mlmon.cli import units
    from mlmon.cli.output import note

    for each in refused:
        note(each.reason)
    note(f"{units.counted(len(done), 'rule')} exported, {len(refused)} left out.")
    if refused:
        note("Every rule can be told by another engine while mlmon judges it: --judge mlmon.")
