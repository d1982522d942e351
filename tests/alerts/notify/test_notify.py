"""Messages to real receivers: a webhook by apprise, a real Alertmanager, and pictures."""

import base64
import json
from datetime import UTC, datetime, timedelta
from urllib.request import urlopen

import pytest

from mlmon.alerts import evaluator, load, memory
from mlmon.alerts.known import Known
from mlmon.alerts.notify import picture, senders
from mlmon.core.config import RouteConfig, RulesConfig
from mlmon.core.errors import ConfigError
from mlmon.core.panel import Unit
from mlmon.web.still import still

START = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEXT = """
rules:
  - name: errors
    about: Too many inferences fail.
    metric: error_rate
    window: 1h
    above: 5%
    severity: critical
    owner: payments
    runbook: https://wiki.example.org/errors
"""
# apprise loads a module for pictures in mails that Python 3.13 takes away, and replaces it there itself.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

SURE = "bound 5 %, 95 % interval 18 % to 22 %, of 1,000 events"
AT = "2026-03-02 00:00 UTC"
PAGE = "https://models.example.org"


class Nowhere:
    """A place without silences."""

    def read(self) -> None:
        """Give nothing."""

    def write(self, value: bytes) -> None:
        """Forget it."""


@pytest.fixture
def run(store, metric):
    """Give a function that states the error rate of the hour before a time, and makes a pass then."""

    def once(hours: float, value: float | None, settings: RulesConfig, environ=None, start=START, chart=None):
        now = start + hours * HOUR
        if value is not None:
            store.put([metric(now - HOUR, value, low=value * 0.9, high=value * 1.1)])
        to = senders.told(settings, environ or {}, chart=chart)
        known = [Known(name="fraud", last=now)]
        rules = load.parse(TEXT, "trial.yaml")
        return evaluator.run_once(store, rules, known, place=Nowhere(), to=to, now=now)

    return once


def drawn(notice):
    """Give the chart of a notice."""
    rows = [
        {"start": int(each.start.timestamp() * 1000), "value": each.value, "low": each.low, "high": each.high,
         "limit": each.limit, "breach": each.verdict == "breach"}
        for each in notice.recent
    ]  # fmt: skip
    return still(notice.rule, notice.metric, rows, Unit.RATIO)


def test_a_webhook_hears_of_an_alert_and_its_end(run, webhook):
    """Apprise brings what, since when and how sure to a webhook, with a chart as a picture."""
    settings = RulesConfig(routes={"team": RouteConfig()}, page=PAGE)
    environ = {"MLMON_NOTIFY_TEAM": f"json://127.0.0.1:{webhook.port}/hook"}
    assert run(1, 0.2, settings, environ, chart=drawn).sent.taken == 1
    run(2, 0.01, settings, environ, chart=drawn)
    fired, resolved = webhook.wait(2)
    assert fired["title"] == "[critical] errors firing: fraud"
    assert fired["message"].splitlines()[:3] == [
        "Too many inferences fail.",
        "",
        f"fraud: error_rate 20 % ({SURE}) in the window from {AT}. Since {AT}.",
    ]
    assert f"Page: {PAGE}/models/fraud?since=2026-03-01T23:00Z&until=2026-03-02T01:00Z" in fired["message"]
    assert "Runbook: https://wiki.example.org/errors\nOwner: payments" in fired["message"]
    assert base64.b64decode(fired["attachments"][0]["base64"]).startswith(b"\x89PNG")
    assert (fired["type"], resolved["type"]) == ("failure", "success")
    assert resolved["title"] == "[critical] errors resolved: fraud"
    assert "From 2026-03-02 00:00 UTC to 2026-03-02 02:00 UTC" in resolved["message"]


def test_a_webhook_that_was_down_hears_of_all_later(run, webhook, start_webhook, store):
    """While a webhook is down nothing is lost, and afterwards all comes once and in order."""
    settings = RulesConfig(routes={"team": RouteConfig()})
    environ = {"MLMON_NOTIFY_TEAM": f"json://127.0.0.1:{webhook.port}/hook?rto=2&cto=2"}
    webhook.process.kill()
    webhook.process.wait()
    done = run(1, 0.2, settings, environ)
    assert (done.sent.failed, done.sent.waiting) == (1, 1)
    assert "'team' (json) did not take a message" in done.sent.errors["team"]
    run(2, 0.01, settings, environ)
    start_webhook(webhook.port)
    assert run(3, None, settings, environ).sent.taken == 2
    assert run(4, None, settings, environ).sent.taken == 0
    titles = [body["title"] for body in webhook.wait(2)]
    assert titles == ["[critical] errors firing: fraud", "[critical] errors resolved: fraud"]
    assert memory.load(store).outbox == ()


def test_a_real_alertmanager_takes_alerts_and_their_ends(run, alertmanager, webhook):
    """Alertmanager holds the alert while it is open, tells its receivers, and tells them of the end."""
    settings = RulesConfig(routes={"am": RouteConfig(alertmanager=alertmanager)}, page=PAGE)
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
    assert run(1, 0.2, settings, start=start).sent.errors == {}
    now = (datetime.now(UTC) - start) / HOUR
    run(now, 0.2, settings, start=start)
    with urlopen(f"{alertmanager}/api/v2/alerts", timeout=30) as answer:
        [held] = json.load(answer)
    assert held["labels"] == {
        "alertname": "errors", "model": "fraud", "severity": "critical", "owner": "payments",
        "source": "mlmon",
    }  # fmt: skip
    assert held["annotations"]["runbook_url"] == "https://wiki.example.org/errors"
    assert held["generatorURL"].startswith(f"{PAGE}/models/fraud?since=")
    [firing] = webhook.wait(1)[:1]
    assert (firing["status"], firing["groupLabels"]) == ("firing", {"alertname": "errors"})
    run(2, 0.01, settings, start=start)
    run(3, 0.01, settings, start=start)
    run((datetime.now(UTC) - start) / HOUR, 0.01, settings, start=start)
    assert webhook.wait(2)[-1]["status"] == "resolved"


def test_an_alertmanager_that_is_down_is_told_later(run, webhook, store):
    """A refused or failed message to Alertmanager stays in the outbox, with the reason."""
    settings = RulesConfig(routes={"am": RouteConfig(alertmanager=f"http://127.0.0.1:{webhook.port}")})
    webhook.process.kill()
    webhook.process.wait()
    done = run(1, 0.2, settings)
    assert "cannot be reached" in done.sent.errors["am"]
    assert len(memory.load(store).outbox) == 1


@pytest.mark.parametrize(
    ("route", "environ", "said"),
    [
        (RouteConfig(), {}, "has no address. Give one: MLMON_NOTIFY_TEAM"),
        (
            RouteConfig(alertmanager="http://a:9093"),
            {"MLMON_NOTIFY_TEAM": "json://b"},
            "more than one address",
        ),
        (RouteConfig(alertmanager="http://ada:pw@a:9093"), {}, "holds a password"),
        (RouteConfig(alertmanager="a:9093"), {}, "is no address. Write it as http://alertmanager:9093"),
        (RouteConfig(alertmanager="http://a:90933"), {}, "is no address"),
        (RouteConfig(url_file="none.txt"), {}, "none.txt, cannot be read"),
        (RouteConfig(), {"MLMON_NOTIFY_TEAM": "pigeon://secret-token"}, "its scheme is 'pigeon'"),
    ],
)
def test_routes_that_cannot_be_are_refused(route, environ, said):
    """A route without one right address is refused, and its secret is not shown."""
    with pytest.raises(ConfigError) as error:
        senders.told(RulesConfig(routes={"team": route}), environ)
    assert said in str(error.value)
    assert "secret-token" not in str(error.value)
    assert "pw" not in str(error.value).replace("PASSWORD", "")


def test_an_address_may_stand_in_a_file(tmp_path, run, webhook):
    """The address of a route is read from a file."""
    (tmp_path / "url").write_text(f"json://127.0.0.1:{webhook.port}/\n")
    settings = RulesConfig(routes={"team": RouteConfig(url_file=str(tmp_path / "url"))})
    assert run(1, 0.2, settings).sent.taken == 1
    assert len(webhook.wait(1)) == 1


def test_a_chart_becomes_a_picture():
    """A specification is drawn as a PNG without a request."""
    spec = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}
    assert picture.png(spec).startswith(b"\x89PNG")
