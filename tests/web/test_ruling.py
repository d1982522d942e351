"""Alerts on the page, with the evaluator's own memory and the files that the command line uses."""

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import httpx
import pytest
from msgspec.structs import replace

from mlmon.alerts import memory, mutes
from mlmon.alerts.known import Group
from mlmon.alerts.memory import Kept, Memory
from mlmon.alerts.states import Alert, Judged, Phase, Verdict
from mlmon.cli import wiring_collect, wiring_mutes, wiring_page
from mlmon.core import schema
from mlmon.core.clock import to_ns
from mlmon.core.config import Config, PageConfig, RulesConfig, StoreConfig
from mlmon.core.schema import Dataset
from mlmon.stores.embedded import open_store
from mlmon.web.app import app

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SINCE = NOW - timedelta(hours=5)
FORM = {"content-type": "application/x-www-form-urlencoded"}
RULES = """
rules:
  - name: failing
    about: Too many inferences fail.
    metric: error_rate
    above: 1 %
    window: 1h
    severity: critical
    owner: ada
    runbook: https://wiki.example/failing
"""


@pytest.fixture
def config(tmp_path):
    """Give settings with a store and a rule of one's own."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "mine.yaml").write_text(RULES)
    return Config(
        store=StoreConfig(url=str(tmp_path / "store")), rules=RulesConfig(folder=str(tmp_path / "rules"))
    )


@pytest.fixture
def store(config):
    """Give a store whose evaluator remembers one alert that fires and one that is over."""
    opened = open_store(config.store.url)
    window = Judged(start=SINCE, end=NOW, verdict=Verdict.BREACH, value=0.034, limit=0.01, n=4009.0)
    fires = Alert(phase=Phase.FIRING, since=SINCE, fired=NOW, recent=(window,), worst=window)
    over = replace(fires, phase=Phase.RESOLVED, closed=NOW)
    kept = (
        Kept(rule="failing", group=Group(model="fraud-[eu]", segment="country=*"), alert=fires),
        Kept(rule="failing", group=Group(model="eta"), alert=over),
    )
    memory.save(opened, Memory(kept=kept))
    yield opened
    opened.close()


class Page:
    """The application over a store and its settings, asked without a socket."""

    def __init__(self, store, config, *, check=None):
        """Make it."""
        self.alerts = wiring_page.Alerts(store, config)
        self.app = app(store, clock=lambda: to_ns(NOW), alerts=self.alerts, check=check)

    def ask(self, method: str, path: str, *, host: str = "127.0.0.1:8080", **more) -> httpx.Response:
        """Ask once."""

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self.app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{host}") as client:
                return await client.request(method, path, **more)

        with ThreadPoolExecutor(1) as apart:
            return apart.submit(asyncio.run, once()).result()

    def get(self, path: str) -> httpx.Response:
        """Ask for a page."""
        return self.ask("GET", path)

    def send(self, form: dict[str, str], headers: dict[str, str] | None = None, **more) -> httpx.Response:
        """Send a form."""
        return self.ask("POST", "/rules", content=urlencode(form), headers=FORM | (headers or {}), **more)

    @property
    def open(self) -> dict:
        """Give the alert that fires."""
        return self.get("/api/alerts").json()[0]


@pytest.fixture
def page(store, config):
    """Give the page of somebody at this machine."""
    return Page(store, config)


def test_the_page_says_what_fires_since_when_and_by_how_much(page):
    """What fires is on top with its value, its bound, its owner and its runbook; what is over comes after."""
    text = page.get("/rules").text
    assert "1 alert fires" in text
    for words in (
        "fraud-[eu]",
        "country=*",
        "3.4 %",
        "bound 1 %",
        "owned by ada",
        "wiki.example",
        "Fires",
        "Over",
    ):
        assert words in text, words
    assert text.index("fraud-[eu]") < text.index(">eta<")
    assert "error_rate above 1 %" in text


def test_the_overview_and_the_model_lead_to_the_alerts(page, store, example):
    """The overview counts what fires, and the page of the model tells it."""
    document = example._base("fraud-[eu]", Dataset.INFERENCE, 0, NOW - timedelta(hours=1))
    store.write([example.to_event(document | {schema.INFERENCE_ID: "x"})])
    assert '<a class="tally" href="/rules">1 alert fires</a>' in page.get("/").text
    assert "3.4 %, bound 1 %" in page.get("/models/fraud-%5Beu%5D").text


@pytest.mark.parametrize(("lasting", "hours"), [("1h", 1), ("4h", 4), ("1d", 24)])
def test_an_alert_is_silenced_for_a_while(page, store, config, lasting, hours):
    """The silence is the one the command line lists, and covers this alert alone whatever its names are."""
    form = {
        "what": "silence",
        "alert": page.open["id"],
        "for": lasting,
        "author": "Ada",
        "comment": "release",
    }
    answer = page.send(form | {"back": "/rules?model=x"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/rules?model=x")
    [silence] = wiring_mutes.muted(config, store).silences
    assert (silence.author, silence.comment, silence.until) == (
        "Ada",
        "release",
        NOW + timedelta(hours=hours),
    )
    assert silence.covers("failing", Group(model="fraud-[eu]", segment="country=*"))
    assert not silence.covers("failing", Group(model="fraud-[eu]", segment="country=de"))
    assert not silence.covers("failing", Group(model="fraud-e", segment="country=*"))
    assert "Silenced by Ada" in page.get("/rules").text


@pytest.mark.parametrize("what", ["ack", "silence"])
def test_an_alert_is_quiet_until_it_is_over(page, store, config, what):
    """It is taken by its id, so that the next alert of the same rule is told again."""
    alert = page.open["id"]
    assert page.send({"what": what, "alert": alert, "for": "over", "author": "Ada"}).status_code == 303
    [ack] = wiring_mutes.muted(config, store).acks
    assert (ack.alert, ack.author) == (alert, "Ada")
    assert "Ada has it, until it is over" in page.get("/rules").text


def test_a_rule_is_silenced_and_given_back(page, store, config):
    """A silence of a rule covers all models, and ends by its id."""
    assert page.send({"what": "silence", "rule": "failing", "for": "1d", "author": "Ada"}).status_code == 303
    [silence] = wiring_mutes.muted(config, store).silences
    assert silence.covers("failing", Group(model="eta"))
    assert page.send({"what": "unsilence", "mute": silence.id}).status_code == 303
    assert wiring_mutes.muted(config, store) == mutes.Mutes()


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"what": "silence", "rule": "failing", "for": "1h"}, "Who are you?"),
        ({"what": "silence", "rule": "failing", "for": "9y", "author": "Ada"}, "is no duration"),
        ({"what": "silence", "rule": "*", "for": "1h", "author": "Ada"}, "There is no rule"),
        ({"what": "silence", "rule": "failing", "for": "over", "author": "Ada"}, "only an alert can be over"),
        ({"what": "silence", "alert": "nope", "for": "1h", "author": "Ada"}, "There is no alert"),
        ({"what": "ack", "alert": "nope", "for": "1h", "author": "Ada"}, "No open alert"),
        ({"what": "unsilence", "mute": "nope"}, "no silence or ack"),
        ({"what": "fire"}, "is no change"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_reason(page, store, config, form, says):
    """A page says what is wrong, and nothing is kept."""
    answer = page.send(form)
    assert answer.status_code == 400
    assert says in answer.text.replace("&#39;", "'")
    assert wiring_mutes.muted(config, store) == mutes.Mutes()


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1:9999"},
    ],
)
def test_another_site_cannot_change_anything(page, store, config, headers):
    """A form of a foreign page, or of another port of this machine, is refused."""
    answer = page.send({"what": "silence", "rule": "failing", "for": "1h", "author": "Eve"}, headers)
    assert answer.status_code == 403
    assert wiring_mutes.muted(config, store) == mutes.Mutes()


def test_a_foreign_name_of_this_machine_cannot_change_anything(page, store, config):
    """A name that was made to point to loopback is refused, also where origin and host agree."""
    form = {"what": "silence", "rule": "failing", "for": "1h", "author": "Eve"}
    headers = {"origin": "http://evil.example:8080", "sec-fetch-site": "same-origin"}
    assert page.send(form, headers, host="evil.example:8080").status_code == 421
    own = {"origin": "http://localhost:8080", "sec-fetch-site": "same-origin"}
    assert page.send(form, own, host="localhost:8080").status_code == 303
    assert len(wiring_mutes.muted(config, store).silences) == 1


@pytest.mark.parametrize("path", ["/", "/rules", "/api/alerts", "/metrics", "/assets/x/style.css"])
def test_a_foreign_name_of_this_machine_reads_nothing(page, path):
    """A site that makes a name of its own point to loopback gets no page and no data, and hears why."""
    for host in ("evil.example:8080", "127.0.0.1.evil.example", "[::1", "localhost.:8080"):
        answer = page.ask("GET", path, host="127.0.0.1", headers={"host": host})
        assert (answer.status_code, f"'{host}'" in answer.text) == (421, True)
    for host in ("localhost:8080", "127.0.0.1", "[::1]:9"):
        assert page.ask("GET", path, host="127.0.0.1", headers={"host": host}).status_code in (200, 404)


def test_reading_changes_nothing(page, store, config):
    """What a form says does nothing as an address, and a body of another kind is no form."""
    form = {"what": "silence", "rule": "failing", "for": "1h", "author": "Eve"}
    assert page.get(f"/rules?{urlencode(form)}").status_code == 200
    assert page.ask("POST", "/rules", content=json.dumps(form)).status_code == 400
    assert page.send(form | {"comment": "x" * 20_000}).status_code == 400
    assert page.send(form | {"back": "//evil.example"}).headers["location"] == "/rules"
    assert len(wiring_mutes.muted(config, store).silences) == 1


def test_beyond_this_machine_a_key_is_asked_for(store, config):
    """No key, one that was revoked and a sender's change nothing; one of the page does."""
    public = replace(config, page=PageConfig(host="0.0.0.0"))  # noqa: S104 - nothing listens in this test
    _, senders = wiring_collect.create_key(public, namespace="shop", name="shop", now=NOW)
    kept, revoked = wiring_collect.create_key(public, namespace="page", name="old", now=NOW)
    wiring_collect.revoke_key(public, kept.id, now=NOW)
    _, good = wiring_collect.create_key(public, namespace="page", name="Ada", now=NOW)
    page = Page(store, public, check=wiring_page.check(public))
    form = {"what": "silence", "rule": "failing", "for": "1h"}
    assert 'name="key"' in page.get("/rules").text
    for key in ("", "nonsense", senders, revoked):
        answer = page.send(form | {"key": key}, host="mon.example")
        assert answer.status_code == 403
        assert "mlmon keys create --namespace page" in answer.text
    assert wiring_mutes.muted(config, store) == mutes.Mutes()
    assert page.send(form | {"key": good}, host="mon.example").status_code == 303
    assert page.send(form, {"authorization": f"ApiKey {good}"}, host="mon.example").status_code == 303
    assert {one.author for one in wiring_mutes.muted(config, store).silences} == {"Ada"}


def test_at_this_machine_no_key_is_asked_for(config):
    """A page that listens to loopback alone has no key to check."""
    assert wiring_page.check(config) is None


def test_rules_that_cannot_be_read_are_told_and_hide_no_alert(page, config, tmp_path, store):
    """A mistake in a file stands on the page, and so does what is open and carries its rule along."""
    known = memory.load(store).kept
    rule = next(rule for rule in page.alerts._read() if rule.name == "failing")
    memory.save(store, Memory(kept=tuple(replace(each, of=rule) for each in known)))
    (tmp_path / "rules" / "mine.yaml").write_text(RULES.replace("error_rate", "eror_rate"))
    text = page.get("/rules").text
    assert "mine.yaml" in text
    assert "fraud-[eu]" in text


def test_without_an_evaluator_the_page_says_so(reader, clock):
    """Nobody is left with an empty table."""
    page = Page.__new__(Page)
    page.app = app(reader, clock=clock)
    assert "No rules are evaluated here" in page.get("/rules").text
    assert page.get("/api/alerts").json() == []
    assert page.send({"what": "unsilence", "mute": "x"}).status_code == 400


def test_states_of_a_newer_mlmon_are_told_on_their_own_page(page, store):
    """What cannot be understood is said on the page of rules, and the models are shown all the same."""
    store.write_blob("state/alerts", b'{"kept": 1}')
    answer = page.get("/rules")
    assert answer.status_code == 503
    assert "Did a newer mlmon write them?" in answer.text
    assert page.get("/").status_code == 200
