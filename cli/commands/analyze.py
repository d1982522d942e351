"""`mlmon analyze`: join outcomes and compute what is new, once or every so often."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlmon.cli.options import SOURCE, Asked, asks, examples, now, settings, span

if TYPE_CHECKING:
    from mlmon.cli.wiring_analyze import Partition, Pass
    from mlmon.core.config import Config
    from mlmon.core.store import Store


@click.command(
    epilog=examples(
        "mlmon analyze",
        "mlmon analyze --every 1m",
        "mlmon analyze --since 2013-06-01 --until 2013-07-01",
        "mlmon analyze --every 1m --partition 2/8",
    ),
)
@asks(*SOURCE, "since", "until")
@click.option(
    "--every", metavar="DURATION", help="Go on, with a pass every so often (30s, 1m), until stopped."
)
@click.option(
    "--partition",
    metavar="I/N",
    help="Only the models of part I of N. Run N of these, on any hosts, against one cluster.",
)
@click.option("--rules", "judges", is_flag=True, help="Judge the alert rules too, after each pass.")
def command(asked: Asked, every: str | None, partition: str | None, *, judges: bool) -> None:
    """Join new outcomes, and compute metrics and findings.

    Of the windows that new events touch. One pass, or one every so often with --every. A pass reads
    what is new only; running it twice changes
    nothing. --since and --until state a time again, whatever changed in it.
    """
    from mlmon.cli import output, wiring, wiring_analyze, wiring_rules
    from mlmon.cli.commands.rules import told as told_of_rules
    from mlmon.cli.progress import stages

    config = settings(asked, analyze__every=every)
    part = wiring_analyze.partition(partition)
    with wiring.reading(config):
        pass  # so that a store which is not there is an error, and is not made
    with wiring.writing(config, wiring.RESULTS) as store:
        if every is None:
            rules = wiring_rules.Evaluator(store, config, output.note) if judges else None
            with stages() as progress:
                done = wiring_analyze.analyze_once(
                    store, config, progress=progress, again=span(asked), partition=part
                )
            click.echo(told(done))
            for sentence in done.notes:
                output.note(sentence)
            if rules is not None and (judged := rules.once(now())) is not None:
                click.echo(told_of_rules(judged))
            output.note(
                "Next: mlmon findings" if done.models else "Nothing was served yet. Send events: mlmon up"
            )
            return
        _forever(store, config, part, judges=judges)


def _forever(store: Store, config: Config, part: Partition | None, *, judges: bool) -> None:
    """Passes until told to stop.

    Raises:
        StoreError: no pass went well yet, so the store may be the wrong one.

    """
    from mlmon.cli import output, passes, signals, wiring_rules
    from mlmon.cli.commands.rules import told as told_of_rules

    output.note(f"A pass every {config.analyze.every}. Ctrl-C ends.")
    rules = wiring_rules.Evaluator(store, config, output.note) if judges else None

    def each(done: Pass, notes: list[str]) -> None:
        click.echo(told(done))
        for sentence in notes:
            output.note(sentence)
        if rules is not None and (judged := rules.once(now())) is not None:
            click.echo(told_of_rules(judged))

    with signals.stopping() as stop:
        passes.run(store, config, stop, each, must_begin=True, partition=part)


def told(done: Pass) -> str:
    """One line about a pass."""
    from mlmon.cli import units

    seconds = sum(done.seconds.values())
    return (
        f"{units.counted(done.inferences, 'new inference')} and "
        f"{units.counted(done.outcomes.joined, 'joined outcome')} of {units.counted(done.models, 'model')}: "
        f"{units.counted(done.windows, 'window')}, {units.counted(done.metrics, 'metric')}, "
        f"{units.counted(done.findings, 'finding')} ({units.duration_ns(seconds * 1e9)})."
    )
