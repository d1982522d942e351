"""`mlmon up`: collector, analyzers and page in one process."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import click

from mlmon.cli.options import PORT, SOURCE, Asked, asks, door_options, examples, now, settings

if TYPE_CHECKING:
    from threading import Event

    from mlmon.cli.wiring_analyze import Pass
    from mlmon.cli.wiring_collect import Collector
    from mlmon.cli.wiring_rules import Evaluator
    from mlmon.core.config import Config
    from mlmon.core.store import Store

_TIDY: Final = timedelta(hours=1)


@click.command(
    epilog=examples(
        "mlmon up",
        "mlmon up --store /var/lib/mlmon --every 5m",
        "mlmon up --http-port 0 --tcp-port 0 --beats-port 0 --port 0",
    ),
)
@asks(*SOURCE)
@click.option("--host", metavar="ADDRESS", help="The collector's address. Default: collector.host.")
@door_options
@click.option("--port", type=PORT, help="The page's port. Default: page.port; 0: a free one.")
@click.option(
    "--every", metavar="DURATION", help="Time from one pass of the analyzers to the next (30s, 1m)."
)
def command(
    asked: Asked,
    port: int | None,
    every: str | None,
    tail: tuple[str, ...],
    **ports: Any,  # noqa: ANN401 - the host and the doors
) -> None:
    """Run it all on one machine: collector, analyzers, rules and page.

    Prints the addresses and the lines to put into a service. On SIGTERM or Ctrl-C what was taken is
    still written and answered.
    """
    from mlmon.cli import signals, wiring, wiring_collect, wiring_rules
    from mlmon.cli.commands.collect import tell_done
    from mlmon.cli.output import note

    config = settings(
        asked,
        page__port=port,
        analyze__every=every,
        collector__tail=tail or None,
        **{f"collector__{name}": value for name, value in ports.items()},
    )
    with signals.stopping() as stop, wiring.writing(config, wiring.EVENTS, wiring.RESULTS) as store:
        rules = wiring_rules.Evaluator(store, config, note)
        with wiring.serving(store, config) as page, wiring_collect.collecting(store, config) as collector:
            click.echo("\n".join(_greeting(config, collector, page)))
            _analyze(store, config, stop, rules)
        tell_done(collector)


def _greeting(config: Config, collector: Collector, page: str) -> list[str]:
    from mlmon.cli import tailing
    from mlmon.cli.commands.collect import doors

    address = collector.doors.http or collector.doors.tcp or collector.doors.beats
    return [
        f"{'page':<10} {page}",
        *doors(collector),
        *tailing.lines(config.collector.tail),
        f"{'store':<10} {config.store.url}",
        "",
        "In a service:",
        "  from mlmon.logging_sdk import ModelLogger",
        f'  log = ModelLogger("my-model", version="1", ship="{address}")',
        "",
        f"A pass of the analyzers and rules every {config.analyze.every}. Ctrl-C ends.",
    ]


def _analyze(store: Store, config: Config, stop: Event, rules: Evaluator) -> None:
    """Passes until told to stop, the rules after each. What fails is told, and the next pass tries again."""
    from mlmon.cli import passes, wiring
    from mlmon.cli.commands.analyze import told
    from mlmon.cli.commands.rules import told as told_of_rules
    from mlmon.cli.output import note

    tidied = now()

    def each(done: Pass, notes: list[str]) -> None:
        nonlocal tidied
        if done.inferences or done.outcomes.joined or done.findings:
            note(told(done))
        for sentence in notes:
            note(sentence)
        if (judged := rules.once(now())) is not None and judged.has_news:
            note(told_of_rules(judged))
        if now() - tidied > _TIDY:
            wiring.tidy(store, now())
            tidied = now()

    passes.run(store, config, stop, each)
