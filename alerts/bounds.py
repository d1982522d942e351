"""The bound of a rule: which side, in which unit, held against what, and whether any value can pass it."""

from __future__ import annotations

from typing import Final

from mlmon.alerts import quantity
from mlmon.alerts.catalogue import METRICS, Measured, Of
from mlmon.alerts.form import ConditionForm, RuleForm
from mlmon.alerts.rules import Against, Bound, Side
from mlmon.core.errors import ConfigError, nearest
from mlmon.core.panel import Unit

SIDES: Final = {"above": Side.ABOVE, "below": Side.BELOW, "rises": Side.ABOVE, "falls": Side.BELOW}
"""The keys that give a bound, and the side of it that is too much."""

_SEASONAL: Final = ("1h", "1d")
_TOO_SHORT_NS: Final = 100_000
"""No model answers as fast: a number alone below this was meant in another unit."""


class WrongRuleError(ConfigError):
    """A mistake in a rule; `at` are the keys that lead to it."""

    def __init__(self, message: str, *at: str | int) -> None:
        """Keep the place for the line."""
        super().__init__(message)
        self.at = at


def named_metric(name: str, *at: str | int) -> Measured:
    """The metric of a name, or the nearest one in the message of the error."""
    if name not in METRICS:
        hint = nearest(name, METRICS) or f" The metrics are: {', '.join(METRICS)}."
        raise WrongRuleError(f"'{name}' is no metric.{hint}", *at)
    return METRICS[name]


def bound_of(
    form: RuleForm | ConditionForm, measured: Measured, size: str, *, recover: float | str | None = None
) -> Bound:
    """The bound that a rule or condition gives for what is measured.

    Raises:
        WrongRuleError: none or several, or one that cannot be meant.

    """
    given = [name for name in SIDES if getattr(form, name) is not None]
    if len(given) != 1:
        said = " and ".join(given) or "none"
        raise WrongRuleError(
            f"{measured.name} needs one of {', '.join(SIDES)}; there is {said}.", *given[1:2]
        )
    [name] = given
    against = Against(form.against) if form.against else Against.FIXED
    is_change = name in ("rises", "falls")
    if is_change and against is Against.FIXED:
        raise WrongRuleError(f"'{name}' needs 'against': reference, previous or seasonal.", name)
    if not is_change and against is not Against.FIXED:
        raise WrongRuleError(
            "'against' goes with rises and falls. Write one of them, or leave it out.", "against"
        )
    _check_against(against, measured, size)
    return _sized(name, getattr(form, name), measured, against, recover)


def _check_against(against: Against, measured: Measured, size: str) -> None:
    if against is Against.REFERENCE and not measured.has_reference:
        known = ", ".join(row.name for row in METRICS.values() if row.has_reference)
        why = (
            "is measured from the reference already" if measured.of is Of.FEATURE else "is not in a reference"
        )
        raise WrongRuleError(f"{measured.name} {why}. The reference knows: {known}.", "against")
    if against is Against.SEASONAL and measured.name == "log_lines":
        raise WrongRuleError("Log lines are held against the previous window only.", "against")
    if against is Against.SEASONAL and size not in _SEASONAL:
        raise WrongRuleError(
            f"A season is the same hour or day of four weeks, so the window must be 1h or 1d, not {size}.",
            "against",
        )


def _sized(
    name: str, text: float | str, measured: Measured, against: Against, recover: float | str | None
) -> Bound:
    side = SIDES[name]
    is_change = against is not Against.FIXED
    value, is_relative = _number(text, measured.unit, name, is_change=is_change)
    recovery, same = (
        (value, is_relative)
        if recover is None
        else _number(recover, measured.unit, "recover", is_change=is_change)
    )
    if same is not is_relative:
        raise WrongRuleError(
            f"recover must be written as {name} is: both with %, or both without.", "recover"
        )
    # A change grows with its distance, on either side; a bound moves with its side.
    outward = side is Side.ABOVE or is_change
    if (recovery > value) if outward else (recovery < value):
        raise WrongRuleError(
            f"recover must lie on the well side of {name}, got {recover} for {text}.", "recover"
        )
    if is_change:
        _check_change(name, value, measured, is_relative=is_relative)
    else:
        _check_range(name, text, value, measured)
    return Bound(side=side, value=value, recovery=recovery, against=against, is_relative=is_relative)


def _number(text: float | str, unit: Unit, at: str, *, is_change: bool) -> tuple[float, bool]:
    try:
        return quantity.parse_change(text, unit) if is_change else (quantity.parse(text, unit), False)
    except ConfigError as error:
        raise WrongRuleError(str(error), at) from None


def _check_change(name: str, value: float, measured: Measured, *, is_relative: bool) -> None:
    if value <= 0:
        raise WrongRuleError(f"{name} must be more than 0: it is the change that is too much.", name)
    can_fall_below = measured.low is None or measured.low < 0
    if name == "falls" and is_relative and value >= 1 and not can_fall_below:
        raise WrongRuleError(
            f"{measured.name} cannot fall by {value:.0%} or more. Give less than 100%.", name
        )
    if not is_relative and measured.high is not None and measured.low is not None:
        most = measured.high - measured.low
        if value >= most:
            raise WrongRuleError(
                f"{measured.name} cannot change by {value:g}: it lies within {most:g}.", name
            )


def _check_range(name: str, text: float | str, value: float, measured: Measured) -> None:
    """Refuse a bound that no value can pass, and one that every value does."""
    low, high = measured.low, measured.high
    is_above = name == "above"
    never = (high is not None and value >= high) if is_above else (low is not None and value <= low)
    always = (low is not None and value < low) if is_above else (high is not None and value > high)
    if never or always:
        ends = f"from {low:g} to {high:g}" if low is not None and high is not None else ""
        ends = ends or (f"{low:g} or more" if low is not None else f"{high:g} or less")
        shown = text if isinstance(text, str) else f"{text:g}"
        percent = f" Did you mean '{shown}%'?" if measured.unit is Unit.RATIO and 1 < value <= 100 else ""  # noqa: PLR2004 - percent
        how = "never" if never else "always"
        raise WrongRuleError(f"{measured.name} is {ends}, so it is {how} {name} {shown}.{percent}", name)
    if measured.unit is Unit.NANOSECONDS and not isinstance(text, str) and 0 < value < _TOO_SHORT_NS:
        raise WrongRuleError(
            f"A number alone is in nanoseconds, so {name} {value:g} is too short for {measured.name}. "
            f"Did you mean '{value:g}ms'?",
            name,
        )
