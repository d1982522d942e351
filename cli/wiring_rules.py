"""What rules ask: the models they judge, the store they are remembered in, and where their notices go."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from mlmon.cli import wiring_analyze, wiring_mutes
from mlmon.core.clock import to_ns
from mlmon.core.config import Config
from mlmon.core.errors import MlmonError
from mlmon.core.store import Reader, Store

if TYPE_CHECKING:
    from mlmon.alerts.backtest import Replay as Replay  # noqa: PLC0414 - for commands to name
    from mlmon.alerts.cases import Outcome as Outcome  # noqa: PLC0414 - as above
    from mlmon.alerts.evaluator import Round as Round  # noqa: PLC0414 - as above
    from mlmon.alerts.evaluator import Told
    from mlmon.alerts.known import Known
    from mlmon.alerts.memory import Memory as Memory  # noqa: PLC0414 - as above
    from mlmon.alerts.notices import Notice
    from mlmon.alerts.rules import Rule as Rule  # noqa: PLC0414 - as above
    from mlmon.alerts.states import Judged
    from mlmon.alerts.tune import Proposal as Proposal  # noqa: PLC0414 - as above

_LIVE: Final = timedelta(days=2)
_NS_PER_MS: Final = 1_000_000


def known(reader: Reader, config: Config, now: datetime) -> list[Known]:
    """Every model as the rules see it; one that served nothing for two days is judged as of its last time."""
    from mlmon.alerts.known import Known
    from mlmon.analyzers.jobs import maturity_of

    return [
        Known(
            name=model.name,
            last=model.last,
            is_live=now - _LIVE < model.last,
            maturity=maturity_of(config, model.name),
        )
        for model in wiring_analyze.models(reader, config)
        if model.last is not None
    ]


def told(reader: Reader, config: Config) -> Told:
    """Where notices go.

    Raises:
        ConfigError: a route that cannot be.
        MissingExtraError: the extra `notify` is not installed, and a route needs it.

    """
    from mlmon.alerts.compose import composer
    from mlmon.alerts.notify import senders

    return senders.told(config.rules, os.environ, chart=_chart, compose=composer(reader))


def evaluate(store: Store, config: Config, which: Sequence[Rule], to: Told, now: datetime) -> Round:
    """One pass of the evaluator.

    Raises:
        StoreError: the store failed; the next pass begins where this one did.

    """
    from mlmon.alerts import evaluator

    models = known(store, config, now)
    return evaluator.run_once(store, which, models, place=wiring_mutes.place(config, store), to=to, now=now)


class Evaluator:
    """Passes one after the other; rule files that change are read again, a mistake keeps the old rules."""

    def __init__(self, store: Store, config: Config, tell: Callable[[str], None]) -> None:
        """Read the rules and the routes; mistakes are raised here, and later only told.

        Raises:
            ConfigError: a rule or a route that cannot be meant.

        """
        self._store, self._config, self._tell = store, config, tell
        self._seen = _files(config)
        self._rules = checked(config)
        self._to = told(store, config)

    def once(self, now: datetime) -> Round | None:
        """One pass; what goes wrong is told, and the next one tries again."""
        try:
            self._renew()
            done = evaluate(self._store, self._config, self._rules, self._to, now)
        except MlmonError as error:
            self._tell(f"The rules were not evaluated: {error} The next pass tries again.")
            return None
        for route, said in done.sent.errors.items():
            self._tell(f"Route {route}: {said}")
        return done

    def _renew(self) -> None:
        seen = _files(self._config)
        if seen == self._seen:
            return
        self._seen = seen
        try:
            self._rules = checked(self._config)
        except MlmonError as error:
            self._tell(f"The rules of before go on: {error}")
        else:
            self._tell(f"The rules have changed; there are {len(self._rules)}.")


def _files(config: Config) -> dict[str, tuple[float, int]]:
    paths = sorted(Path(config.rules.folder).glob("*.y*ml"))
    stats = {str(path): path.stat() for path in paths}
    return {path: (stat.st_mtime, stat.st_size) for path, stat in stats.items()}


def rules(config: Config) -> tuple[Rule, ...]:
    """The rules of the settings: those of the folder, and those that come with mlmon.

    Raises:
        ConfigError: a rule file that cannot be meant.

    """
    from mlmon.alerts import load

    return load.combined(load.read(config.rules.folder), _shipped(config))


def _shipped(config: Config) -> tuple[Rule, ...]:
    from mlmon.alerts import load

    return load.builtin() if config.rules.builtin else ()


def checked(config: Config) -> tuple[Rule, ...]:
    """The rules of the settings; their routes must exist, and their windows be computed.

    Raises:
        ConfigError: with file and line.

    """
    from mlmon.alerts.checked import unknown_routes, unknown_windows

    found = rules(config)
    unknown_routes(found, config.rules.routes)
    unknown_windows(found, config.analyze.windows)
    return found


def memory(reader: Reader) -> Memory:
    """The states of all alerts, as the last evaluation left them."""
    from mlmon.alerts import memory as memories

    return memories.load(reader)


def replays(
    reader: Reader, config: Config, which: Sequence[Rule], *, until: datetime, past: timedelta
) -> list[Replay]:
    """Every rule on what was."""
    from mlmon.alerts import backtest

    return backtest.replay(
        backtest.history(reader, which, known(reader, config, until), until=until, past=past), which
    )


def tuned(
    reader: Reader,
    config: Config,
    which: Sequence[Rule],
    name: str,
    *,
    until: datetime,
    past: timedelta,
    rate: float,
) -> Proposal:
    """A bound for a rule with at most so many false alarms in 30 days.

    Raises:
        UsageError: the rule has no bound on a metric, or there is nothing to try it on.

    """
    from mlmon.alerts import backtest, tune

    history = backtest.history(reader, which, known(reader, config, until), until=until, past=past)
    return tune.tune(history, which, name, rate=rate)


def _chart(notice: Notice) -> Mapping[str, Any] | None:
    subtitle = f"{notice.metric}, windows of {notice.size}"
    return picture(f"{notice.rule}: {notice.group}", subtitle, notice.metric, notice.recent)


def picture(title: str, subtitle: str, metric: str, windows: Sequence[Judged]) -> dict[str, Any] | None:
    """Judged windows with their bound as a chart; None where there is no value."""
    from mlmon.core.metric import unit_of
    from mlmon.web.still import still

    rows = [
        {
            "start": to_ns(each.start) // _NS_PER_MS,
            "value": each.value,
            "low": each.low,
            "high": each.high,
            "limit": each.limit,
            "breach": each.verdict == "breach",
        }
        for each in windows
    ]
    return still(title, subtitle, rows, unit_of(metric))


def png(spec: Mapping[str, Any]) -> bytes:
    """A chart as a PNG."""
    from mlmon.alerts.notify import picture as pictures

    return pictures.png(spec)


def read_files(paths: Sequence[str], config: Config) -> tuple[Rule, ...]:
    """The rules of some files; what they wait for may also be a rule of the settings.

    Raises:
        ConfigError: a file that cannot be read or meant.

    """
    from mlmon.alerts import load

    found = load.together((rule for path in paths for rule in load.read_file(path)), known=True)
    load.combined(found, load.combined(load.read(config.rules.folder), _shipped(config)))
    return found


def is_own(rule: Rule) -> bool:
    """Whether a rule stands in a file of the team, and does not come with mlmon."""
    from mlmon.alerts.checked import SHIPPED

    return not rule.place.startswith(SHIPPED)


def json_schema() -> dict[str, Any]:
    """The JSON Schema of rule files."""
    from mlmon.alerts import form

    return form.json_schema()


def said(rule: Rule) -> str:
    """What a rule says, in one line."""
    from mlmon.alerts import describe

    return describe.rule(rule)


def speaks_of(rule: Rule, model: str) -> bool:
    """Whether a rule looks at a model."""
    from mlmon.alerts.rules import matches

    return matches(rule.models, model)


def trials(which: Sequence[Rule]) -> list[Outcome]:
    """The trials of rules, run."""
    from mlmon.alerts import cases

    return [outcome for rule in which for outcome in cases.run(rule)]
