"""From the form of a rule to the rule: every number in its unit, every name known, nothing impossible."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from mlmon.alerts import quantity
from mlmon.alerts.bounds import SIDES, WrongRuleError, bound_of, named_metric
from mlmon.alerts.catalogue import FINDINGS, FOUND, METRICS, Measured, Of
from mlmon.alerts.form import CaseForm, ConditionForm, RuleForm
from mlmon.alerts.pauses import maintenance_of
from mlmon.alerts.rules import (
    Bound,
    Case,
    Condition,
    Flapping,
    Judge,
    Lasting,
    MetricHolds,
    OfFindings,
    OfLogs,
    OfMetric,
    OfSilence,
    Rule,
    RuleHolds,
    Side,
    Subject,
)
from mlmon.core.errors import ConfigError, UsageError, nearest
from mlmon.core.panel import Unit
from mlmon.core.window import SIZES, parse_duration

_SUBJECTS: Final = ("metric", "finding", "log", "silence")
_LEVELS: Final = ("debug", "info", "warning", "error", "critical")
_LINES: Final = Measured(name="log_lines", analyzer="")
_SILENCE: Final = Measured(name="silence", analyzer="")
_LONGEST: Final = 500
_MEASURE: Final = frozenset(FINDINGS) & {row.analyzer for row in METRICS.values()}
"""The analyzers whose findings speak of metrics of their own."""
_SHARED: Final = frozenset({("quality", "missing_rate")})
"""Findings of an analyzer that speak of another's metric."""
SHIPPED: Final = "builtin/"
"""Before the file in the place of a rule that comes with mlmon."""
_TICK: Final = "5m"


def checked(form: RuleForm, place: str) -> Rule:
    """The rule of a form.

    Raises:
        WrongRuleError: what cannot be meant.

    """
    given = [name for name in _SUBJECTS if getattr(form, name) is not None]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        raise WrongRuleError(f"A rule speaks of one of {', '.join(_SUBJECTS)}; '{form.name}' names {said}.")
    measured = _measured(form)
    size = _size(form)
    bound = _bound(form, measured, size)
    by = _by(form, measured)
    return Rule(
        name=form.name,
        about=form.about,
        subject=_subject(form, measured),
        size=size,
        bound=bound,
        lasting=_lasting(form),
        flapping=Flapping(
            episodes=form.flapping.episodes, within=form.flapping.within, calm=form.flapping.calm
        ),
        judge=Judge(form.judge),
        min_n=form.min_n,
        models=_words(form.models),
        versions=_words(form.versions) or (("?*",) if "version" in by else ()),
        segments=_words(form.segments) or (("?*",) if "segment" in by else ()),
        by=by,
        only_if=tuple(_condition(form, each, size, place) for place, each in enumerate(form.only_if)),
        severity=form.severity,
        owner=form.owner,
        runbook=form.runbook,
        routes=_words(form.routes),
        renotify=parse_duration(form.renotify) if form.renotify else None,
        maintenance=tuple(maintenance_of(each, place) for place, each in enumerate(form.maintenance)),
        expire=parse_duration(form.expire),
        cases=tuple(_case(each, place, measured) for place, each in enumerate(form.tests)),
        place=place,
    )


def _words(text: str | tuple[str, ...]) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else text


def _measured(form: RuleForm) -> Measured | None:
    """What the numbers are; None for findings, which have none."""
    if form.metric is not None:
        return named_metric(form.metric, "metric")
    if form.log is not None:
        return _LINES
    return _SILENCE if form.silence is not None else None


def _subject(form: RuleForm, measured: Measured | None) -> Subject:
    subjects = _words(form.subject)
    if form.metric is not None and measured is not None:
        if subjects and measured.of is Of.MODEL and measured.analyzer != "performance":
            raise WrongRuleError(
                f"{form.metric} speaks of the whole model and has no subject. Leave it out.", "subject"
            )
        needs_all = "subject" in form.by or measured.of is Of.FEATURE
        return OfMetric(
            name=measured.name,
            analyzer=measured.analyzer,
            subjects=subjects or (("?*",) if needs_all else ()),
        )
    if form.finding is not None:
        return _findings(form, subjects)
    if subjects:
        raise WrongRuleError("subject goes with metric and finding only. Leave it out.", "subject")
    return OfSilence() if form.log is None else _logs(form)


def _findings(form: RuleForm, subjects: tuple[str, ...]) -> OfFindings:
    analyzer, _, metric = (form.finding or "").partition(".")
    if analyzer == "any":
        analyzer = "*"
    elif analyzer not in FINDINGS:
        raise WrongRuleError(
            f"'{analyzer}' makes no findings. Choose any, or of {', '.join(FINDINGS)}."
            f"{nearest(analyzer, FINDINGS)}",
            "finding",
        )
    if metric and metric not in FOUND:
        raise WrongRuleError(f"No finding speaks of '{metric}'.{nearest(metric, FOUND)}", "finding")
    by = METRICS[metric].analyzer if metric in METRICS else analyzer
    if analyzer in _MEASURE and by != analyzer and (analyzer, metric) not in _SHARED:
        raise WrongRuleError(
            f"Findings of {metric} are not made by {analyzer}. Write {by}.{metric}.", "finding"
        )
    return OfFindings(analyzer=analyzer, metric=metric, subjects=subjects or ("*",), at_least=form.at_least)


def _logs(form: RuleForm) -> OfLogs:
    log = form.log
    levels = _words(log.level) if log else ()
    for level in levels:
        if level not in _LEVELS:
            raise WrongRuleError(
                f"'{level}' is no level. Choose of {', '.join(_LEVELS)}.{nearest(level, _LEVELS)}",
                "log",
                "level",
            )
    return OfLogs(
        levels=levels, loggers=_words(log.logger) if log else (), message=log.message if log else ""
    )


def _size(form: RuleForm) -> str:
    free = form.log is not None or form.silence is not None
    if form.window is None:
        if form.silence is not None:
            return _TICK
        raise WrongRuleError(f"The rule '{form.name}' needs a window, such as 'window: 1d'.")
    allowed = [size for size in SIZES if size != "all"]
    if form.window in allowed:
        return form.window
    if free:
        return _free_size(form.window)
    raise WrongRuleError(
        f"'{form.window}' is no size of a metric's window. Choose of {', '.join(allowed)}."
        f"{nearest(form.window, allowed)}",
        "window",
    )


def _free_size(text: str) -> str:
    try:
        if parse_duration(text):
            return text
    except UsageError as error:
        raise WrongRuleError(str(error), "window") from None
    raise WrongRuleError("A window must be longer than nothing. Write 5m or 1h.", "window")


def _bound(form: RuleForm, measured: Measured | None, size: str) -> Bound | None:
    if form.silence is not None:
        seconds = parse_duration(form.silence).total_seconds()
        _refuse_sides(form, "silence has its bound already")
        return Bound(side=Side.ABOVE, value=seconds, recovery=seconds)
    if measured is None:
        _refuse_sides(form, "a finding is too much by being there")
        return None
    return bound_of(form, measured, size, recover=form.recover)


def _refuse_sides(form: RuleForm, why: str) -> None:
    for name in (*SIDES, "against", "recover"):
        if getattr(form, name) is not None:
            raise WrongRuleError(f"'{name}' does not go here: {why}. Leave it out.", name)


def _lasting(form: RuleForm) -> Lasting:
    if isinstance(form.lasts, int):
        count = among = form.lasts
    else:
        count, among = (int(part) for part in form.lasts.removesuffix(" windows").split(" of "))
    if not 1 <= count <= among <= _LONGEST:
        raise WrongRuleError(
            f"'for: {form.lasts}' cannot be: write K of N, with 1 <= K <= N <= {_LONGEST}, such as '3 of 5'.",
            "for",
        )
    # So many clear windows in a row that what fired cannot still hold.
    return Lasting(count=count, among=among, clear=form.recover_for or among - count + 1)


def _by(form: RuleForm, measured: Measured | None) -> tuple[str, ...]:
    _check_keys(form)
    keys = {*form.by}
    if form.log is None or not form.by:
        keys.add("model")
    if form.versions:
        keys.add("version")
    if form.segments:
        keys.add("segment")
    if form.finding is not None or form.subject or (measured and measured.of is Of.FEATURE):
        keys.add("subject")
    return tuple(key for key in ("model", "version", "segment", "subject", "logger") if key in keys)


def _check_keys(form: RuleForm) -> None:
    allowed: tuple[str, ...] = ("model", "version", "segment", "subject")
    if form.log is not None:
        allowed = ("model", "logger", "version")
    if form.silence is not None:
        allowed = ("model", "version")
    for key in form.by:
        if key not in allowed:
            raise WrongRuleError(f"This rule cannot be by {key}. Choose of {', '.join(allowed)}.", "by")
    _check_patterns(form)
    for name in ("versions", "segments"):
        if getattr(form, name) and name.removesuffix("s") not in allowed:
            raise WrongRuleError(f"'{name}' does not go here. Leave it out.", name)


def _check_patterns(form: RuleForm) -> None:
    if not form.models:
        raise WrongRuleError(
            "models names none, so the rule looks at nothing. Leave it out for all.", "models"
        )
    for each in _words(form.segments):
        if "=" not in each and not each.startswith(("*", "?")):
            raise WrongRuleError(
                f"'{each}' is no segment. Write field=value, such as carrier={each} or carrier=*.", "segments"
            )


def _condition(rule: RuleForm, form: ConditionForm, size: str, place: int) -> Condition:
    try:
        return _rule_holds(rule, form) if form.rule is not None else _metric_holds(form, size)
    except WrongRuleError as error:
        raise WrongRuleError(str(error), "only_if", place, *error.at) from None


def _rule_holds(rule: RuleForm, form: ConditionForm) -> Condition:
    others = ("metric", "subject", "window", *SIDES, "against")
    given = [name for name in others if getattr(form, name)]
    if form.rule is None or given:
        raise WrongRuleError(
            f"A condition names either a rule alone or a metric with a bound. Leave out {', '.join(given)}.",
            *given[:1],
        )
    if form.rule == rule.name:
        raise WrongRuleError("A rule cannot wait for itself. Name another.", "rule")
    return RuleHolds(rule=form.rule)


def _metric_holds(form: ConditionForm, size: str) -> Condition:
    if form.metric is None:
        raise WrongRuleError("A condition names either a rule or a metric.")
    measured = named_metric(form.metric, "metric")
    at = form.window or (size if size in SIZES else "1d")
    if at not in SIZES or at == "all":
        raise WrongRuleError(f"'{at}' is no size of a metric's window.{nearest(at, SIZES)}", "window")
    if measured.of is Of.FEATURE and not form.subject:
        raise WrongRuleError(f"{measured.name} speaks of a feature. Name it as subject.", "metric")
    return MetricHolds(name=measured.name, size=at, bound=bound_of(form, measured, at), subject=form.subject)


def _case(form: CaseForm, place: int, measured: Measured | None) -> Case:
    if len(form.values) != len(form.expect):
        raise WrongRuleError(
            f"The test '{form.name}' has {len(form.values)} values and {len(form.expect)} phases. "
            "Give one phase a value.",
            "tests",
            place,
            "expect",
        )
    unit = measured.unit if measured else Unit.COUNT
    n = form.n if isinstance(form.n, tuple) else (form.n,) * len(form.values)
    if len(n) != len(form.values):
        raise WrongRuleError(f"The test '{form.name}' needs one n, or one a value.", "tests", place, "n")
    values = [None if value is None else _in_case(value, unit, place) for value in form.values]
    usual = None if form.usual is None else _in_case(form.usual, unit, place)
    return Case(name=form.name, values=tuple(values), n=n, usual=usual, expect=form.expect)


def _in_case(value: float | str, unit: Unit, place: int) -> float:
    try:
        return quantity.parse(value, unit)
    except ConfigError as error:
        raise WrongRuleError(str(error), "tests", place, "values") from None


def unknown_routes(rules: Iterable[Rule], routes: Iterable[str]) -> None:
    """Refuse rules whose routes the settings do not have.

    Raises:
        ConfigError: with the rule's place.

    """
    known = list(routes)
    for rule in rules:
        for route in rule.routes:
            if route not in known:
                raise ConfigError(
                    f"{rule.place}: The rule '{rule.name}' goes to the route '{route}', which the settings "
                    f"do not have (rules.routes: {', '.join(known) or 'none'}).{nearest(route, known)}"
                )


def unknown_windows(rules: Iterable[Rule], sizes: Iterable[str]) -> None:
    """Refuse rules of metrics or findings in windows that the jobs do not compute.

    Shipped rules are let be: where their windows are not computed, they say nothing.

    Raises:
        ConfigError: with the rule's place.

    """
    known = list(sizes)
    for rule in rules:
        needs = [rule.size] if isinstance(rule.subject, OfMetric | OfFindings) else []
        needs += [each.size for each in rule.only_if if isinstance(each, MetricHolds)]
        for size in needs:
            if size not in known and not _is_let_be(rule):
                raise ConfigError(
                    f"{rule.place}: The rule '{rule.name}' needs windows of {size}, which no job computes "
                    f"(analyze.windows: {', '.join(known)}). Add {size} there, or take another window."
                )


def _is_let_be(rule: Rule) -> bool:
    """Whether it is shipped, or speaks of losses, which are always told by the day."""
    if rule.place.startswith(SHIPPED):
        return True
    return isinstance(rule.subject, OfFindings) and rule.subject.analyzer == "delivery"
