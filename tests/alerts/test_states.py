import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from mlmon.alerts.rules import Bound, Flapping, Lasting, OfMetric, Rule, Side
from mlmon.alerts.states import NEXT, Alert, Judged, Phase, Verdict, advance, depth, needed_clear, ordinal

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
RULE = Rule(
    name="trial",
    subject=OfMetric(name="error_rate", analyzer="service"),
    size="1h",
    bound=Bound(side=Side.ABOVE, value=0.05, recovery=0.03),
)
VERDICTS = {"b": Verdict.BREACH, "h": Verdict.HELD, "c": Verdict.CLEAR}


def window(place: int, letter: str) -> Judged:
    """Give the window at a place, judged by a letter: b, h or c."""
    start = START + place * HOUR
    value = {"b": 0.08, "h": 0.04, "c": 0.01}[letter]
    return Judged(start=start, end=start + HOUR, verdict=VERDICTS[letter], value=value, limit=0.05)


def windows(letters: str) -> list[Judged]:
    """Give windows one after the other; a space leaves one out."""
    return [window(place, letter) for place, letter in enumerate(letters) if letter != " "]


def lasting(count: int, among: int, clear: int | None = None) -> Rule:
    """Give a rule of K of N windows."""
    needed = among - count + 1 if clear is None else clear
    return replace(RULE, lasting=Lasting(count=count, among=among, clear=needed))


def phases(letters: str, rule: Rule) -> str:
    """Give the first letter of the phase after each window, judged one after the other."""
    alert, seen = Alert(), ""
    for judged in windows(letters):
        alert, _ = advance(alert, [judged], rule, now=judged.end)
        seen += "x" if alert.phase is Phase.RESOLVED else alert.phase[0]
    return seen


RULES = st.tuples(st.integers(1, 5), st.integers(0, 4), st.integers(1, 4)).map(
    lambda it: replace(lasting(it[0], it[0] + it[1]), flapping=Flapping(episodes=2, within=20, calm=it[2]))
)
LETTERS = st.text("bhc ", min_size=1, max_size=40)


def test_the_path_of_an_alert():
    """Two of three windows fire, the band between the bounds holds it, two clear ones end it."""
    assert phases("cbcbhccb", lasting(2, 3)) == "ippffrxp"
    assert phases("cbc", RULE) == "ifx"
    assert phases("bcbhccc", lasting(1, 1, 3)) == "frffrrx"


def test_a_pending_alert_that_calms_down_was_nothing():
    """What never lasted long enough goes back without having fired."""
    assert phases("bcccc", lasting(3, 3)) == "ppiii"[:1] + "pp" + "ii"


def test_what_was_resolved_does_not_count_again():
    """Windows of an alert that is over take no part in the next."""
    assert phases("bbcb", lasting(2, 4, 1)) == "pfxp"


def test_a_flapping_alert_must_stay_calm():
    """After three beginnings in 24 windows six clear windows in a row end it, not one."""
    assert phases("bcbcbccccccc", RULE) == "fxfxfrrrrrxx"


def test_a_window_that_says_nothing_changes_nothing():
    """A hole in the windows neither fires nor ends an alert, and three of five counts the calendar."""
    assert phases("bb b", lasting(3, 5)) == "ppf"
    assert phases("bb   b", lasting(3, 5)) == "ppp"


@given(LETTERS, RULES)
def test_no_phase_is_skipped(letters, rule):
    """Each change leads to a phase that may follow, and begins where the one before ended."""
    alert, at = Alert(), Phase.INACTIVE
    for judged in windows(letters):
        alert, changes = advance(alert, [judged], rule, now=judged.end)
        for change in changes:
            assert change.before is at
            assert change.after in NEXT[at]
            at = change.after
        assert alert.phase is at


@given(LETTERS, RULES)
def test_judging_the_same_windows_again_changes_nothing(letters, rule):
    """The state is the same after the same windows, and there is nothing more to tell."""
    judged = windows(letters)
    once, _ = advance(Alert(), judged, rule, now=START)
    again, changes = advance(once, judged, rule, now=START + HOUR)
    assert changes == []
    assert again == once


@given(LETTERS, RULES, st.lists(st.integers(0, 40), max_size=3))
def test_windows_at_once_or_one_by_one_end_alike(letters, rule, cuts):
    """However windows are spread over evaluations, the phase at the end is the same."""
    judged = windows(letters)
    if not judged or len(letters) > depth(rule):
        return
    whole, _ = advance(Alert(), judged, rule, now=START)
    alert, places = Alert(), sorted({0, *cuts, len(judged)})
    for start, end in itertools.pairwise(places):
        alert, _ = advance(alert, judged[start:end], rule, now=START)
    assert alert.phase is whole.phase
    assert alert.since == whole.since


@given(LETTERS, RULES)
def test_resolved_always_comes(letters, rule):
    """Clear windows end whatever fires, and so does time in which nothing new is known."""
    alert, _ = advance(Alert(), windows(letters), rule, now=START)
    needed = needed_clear(alert, rule)
    calm = [window(len(letters) + place, "c") for place in range(needed + rule.lasting.among)]
    ended = alert
    for judged in calm:
        ended, _ = advance(ended, [judged], rule, now=START)
    assert not ended.is_open
    late, changes = advance(alert, [], rule, now=START + rule.expire + HOUR)
    assert not late.is_open
    assert [change.after for change in changes[-1:]] == ([Phase.RESOLVED] if alert.is_open else []) or (
        alert.phase is Phase.PENDING
    )


@given(LETTERS, RULES, st.lists(st.tuples(st.integers(0, 39), st.sampled_from("bhc")), max_size=6))
def test_restated_windows_skip_nothing_and_settle(letters, rule, restated):
    """Windows that are judged anew lead along the same path, and judging them once more changes nothing."""
    alert, _ = advance(Alert(), windows(letters), rule, now=START)
    for place, letter in restated:
        at = alert.phase
        alert, changes = advance(alert, [window(place, letter)], rule, now=START)
        for change in changes:
            assert change.before is at
            assert change.after in NEXT[at]
            at = change.after
        assert advance(alert, [window(place, letter)], rule, now=START) == (alert, [])


def test_late_data_bring_an_alert_to_light_that_is_over():
    """A window that turns out too much later on is told, with its end."""
    calm, _ = advance(Alert(), windows("cccc"), RULE, now=START)
    alert, changes = advance(calm, [window(1, "b")], RULE, now=START + HOUR)
    assert [change.after for change in changes] == ["pending", "firing", "recovering", "resolved"]
    assert changes[1].at == START + 2 * HOUR
    assert alert.phase is Phase.RESOLVED


def test_late_data_end_an_alert_that_should_not_be():
    """A newest window that turns out well lets the alert recover."""
    fired, _ = advance(Alert(), windows("cbb"), lasting(2, 2), now=START)
    alert, changes = advance(fired, [window(2, "c")], lasting(2, 2), now=START + HOUR)
    assert [change.after for change in changes] == ["recovering", "resolved"]
    assert alert.closed == START + 3 * HOUR


def test_a_resolved_alert_is_not_opened_by_its_own_windows():
    """Restating windows up to the one that resolved an alert opens none."""
    ended, _ = advance(Alert(), windows("bcc"), RULE, now=START)
    assert advance(ended, [window(1, "b")], RULE, now=START)[1] == []


def test_the_worst_window_is_kept():
    """An alert remembers which of its windows lay furthest out."""
    judged = [
        replace(each, value=value) for each, value in zip(windows("bbb"), (0.06, 0.3, 0.1), strict=True)
    ]
    alert, _ = advance(Alert(), judged, RULE, now=START)
    assert alert.worst == judged[1]


def test_what_is_idle_may_be_forgotten():
    """Only a state without an open alert, a window too much and a beginning to count is idle."""
    calm, _ = advance(Alert(), windows("ccc"), RULE, now=START)
    fired, _ = advance(Alert(), windows("cbc"), RULE, now=START)
    assert calm.is_idle
    assert not fired.is_idle


def test_windows_are_numbered_without_a_hole():
    """Windows that follow each other have places that do."""
    assert ordinal(START + HOUR, "1h") - ordinal(START, "1h") == 1
    assert ordinal(START, "7d") - ordinal(START - timedelta(days=7), "7d") == 1
