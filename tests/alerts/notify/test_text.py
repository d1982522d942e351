from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from mlmon.alerts.known import Group
from mlmon.alerts.notices import Kind, Notice
from mlmon.alerts.notify import text
from mlmon.alerts.states import Judged, Verdict
from mlmon.core.result import Severity

START = datetime(2026, 3, 2, tzinfo=UTC)
WINDOW = Judged(
    start=START, end=START + timedelta(days=7), verdict=Verdict.BREACH, value=0.31, limit=0.25, n=964,
    low=0.2, high=0.4,
)  # fmt: skip
NOTICE = Notice(
    id="1", alert="2", kind=Kind.FIRING, rule="moved", group=Group(model="fraud", subject="temp"), at=START,
    since=START, metric="psi", size="7d", severity=Severity.WARNING, window=WINDOW,
)  # fmt: skip


def test_a_value_is_told_with_its_bound_its_interval_and_its_sample():
    """What decided stands in one sentence, and since when in the next."""
    assert text.said(NOTICE) == (
        "fraud, temp: psi 0.31 (bound 0.25, 95 % interval 0.2 to 0.4, of 964 events) in the window from "
        "2026-03-02 00:00 UTC. Since 2026-03-02 00:00 UTC."
    )


def test_a_finding_is_told_in_its_own_words():
    """Where a finding decided, what it says stands for the value, and nothing is said twice."""
    found = replace(NOTICE, metric="drift", window=replace(WINDOW, why="temp has drifted: PSI 0.31."))
    assert text.said(found) == (
        "fraud, temp: temp has drifted: PSI 0.31 (95 % interval 0.2 to 0.4). Since 2026-03-02 00:00 UTC."
    )
