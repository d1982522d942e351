"""What alert rules say of the year: judged as of its end, and replayed from its beginning."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from mlmon.alerts import backtest, describe, evaluator, load
from mlmon.alerts.backtest import Replay
from mlmon.alerts.evaluator import Told
from mlmon.alerts.rules import Rule
from mlmon.cli import wiring_mutes, wiring_rules
from mlmon.core.config import Config
from mlmon.core.store import Store

FILE: Final = Path(__file__).with_name("rules.yaml")
_YEAR: Final = timedelta(days=366)


def rules() -> tuple[Rule, ...]:
    """The rules of the demo."""
    return load.read_file(FILE)


def judge(store: Store, config: Config, *, now: datetime) -> list[Replay]:
    """Keep the alerts that are open at the year's end, and give what the rules would have said all year."""
    which, known = rules(), wiring_rules.known(store, config, now)
    place = wiring_mutes.place(config, store)
    evaluator.run_once(store, which, known, place=place, to=Told(), now=now)
    return backtest.replay(backtest.history(store, which, known, until=now, past=_YEAR), which)


def tell(replays: list[Replay], console: Console) -> None:
    """Print a row a rule."""
    table = Table(
        title="What would alert rules have said?",
        title_justify="left",
        title_style="bold",
        box=None,
        pad_edge=False,
    )
    for place, column in enumerate(("rule", "says", "fired", "confirmed by outcomes")):
        table.add_column(column, justify="right" if place > 1 else "left", no_wrap=place != 1)
    for each in replays:
        confirmed = f"{each.confirmed} of {each.confirmed + each.unconfirmed}"
        table.add_row(each.rule.name, describe.rule(each.rule), str(len(each.episodes)), confirmed)
    console.print()
    console.print(table)
