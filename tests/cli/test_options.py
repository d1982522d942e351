from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlmon.cli.options import Asked, chosen, settings, span
from mlmon.core import schema
from mlmon.core.errors import ConfigError, UsageError
from mlmon.core.query import AllOf, Equals, Exists
from mlmon.core.window import Window


def test_flags_beat_variables(monkeypatch, tmp_path):
    """A flag beats a variable, a variable beats the file."""
    (tmp_path / "mlmon.yaml").write_text("store: {url: of-file}\npage: {port: 1}\n")
    monkeypatch.chdir(tmp_path)
    assert settings(Asked()).store.url == "of-file"
    monkeypatch.setenv("MLMON_STORE_URL", "of-variable")
    assert settings(Asked()).store.url == "of-variable"
    found = settings(Asked(store="of-flag"), page__port=2)
    assert (found.store.url, found.page.port) == ("of-flag", 2)


def test_a_flag_is_checked_as_the_file_is(monkeypatch, tmp_path):
    """A flag of a wrong form is refused as it would be in the file."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError):
        settings(Asked(), analyze__every="soon")


def test_span():
    """No bound means all; one bound leaves the other side open."""
    march = datetime(2013, 3, 1, tzinfo=UTC)
    assert span(Asked()) is None
    since, until = span(Asked(since="2013-03-01")), span(Asked(until="2013-03-01"))
    assert since is not None
    assert until is not None
    assert (since.start, until.end) == (march, march)
    assert since.end > datetime(2100, 1, 1, tzinfo=UTC)
    both = span(Asked(since="2013-03-01", until="2013-03-02T12:00+02:00"))
    assert both == Window(start=march, end=datetime(2013, 3, 2, 10, tzinfo=UTC))


def test_a_span_far_away():
    """A time beyond what an open end stands for is an empty span, and no mistake of order."""
    far, long_ago = span(Asked(since="3000-01-01")), span(Asked(until="1066-10-14"))
    assert far is not None
    assert long_ago is not None
    assert (far.start, long_ago.start) == (far.end, long_ago.end)


def test_a_span_that_ends_before_it_starts():
    """An end before the start is wrong usage."""
    with pytest.raises(UsageError, match="must not end before it starts"):
        span(Asked(since="2013-03-02", until="2013-03-01"))


@given(st.text(max_size=20))
def test_any_text_is_a_time_or_wrong_usage(text):
    """Whatever is written after --since is a time or told to be none."""
    try:
        span(Asked(since=text, until="2199-01-01"))
    except UsageError as error:
        assert str(error)  # noqa: PT017 - either way is right, and nothing else may be raised


def test_chosen():
    """The model and the version become a filter, beside the command's own."""
    assert chosen(Asked()) is None
    own = Exists(schema.MESSAGE)
    assert chosen(Asked(model="m", version="1"), own) == AllOf(
        (own, Equals(schema.MODEL_NAME, "m"), Equals(schema.MODEL_VERSION, "1"))
    )
