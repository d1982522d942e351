from pathlib import Path

import pytest

from mlmon.core import config, settings
from mlmon.core.errors import ConfigError


def test_later_sources_win(tmp_path: Path):
    """A flag beats a variable, a variable beats the file, the file beats the default."""
    file = tmp_path / "mlmon.yaml"
    file.write_text("collector: {http_port: 1, tcp_port: 1, beats_port: 1}\n")
    environ = {"MLMON_COLLECTOR_TCP_PORT": "2", "MLMON_COLLECTOR_BEATS_PORT": "2"}
    loaded = settings.load(file, environ=environ, flags={"collector.beats_port": 3, "collector.host": None})
    assert loaded.collector.http_port == 1
    assert loaded.collector.tcp_port == 2
    assert loaded.collector.beats_port == 3
    assert loaded.collector.host == config.CollectorConfig().host


def test_no_file_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without a file every setting has its default."""
    monkeypatch.chdir(tmp_path)
    assert settings.load() == config.Config()


def test_the_variable_names_the_file(tmp_path: Path):
    """MLMON_CONFIG names the file to read."""
    file = tmp_path / "other.yaml"
    file.write_text("page: {port: 81}\n")
    assert settings.load(environ={"MLMON_CONFIG": str(file)}).page.port == 81


def test_an_empty_section_is_none(tmp_path: Path):
    """A section whose keys are all taken out leaves the defaults, and a flag can still set one of them."""
    file = tmp_path / "mlmon.yaml"
    file.write_text("store:\n  # url: elsewhere\npage:\n")
    assert settings.load(file) == config.Config()
    assert settings.load(file, flags={"store.url": "here"}).store.url == "here"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("colector: {}", ["'colector'", "'collector'"]),
        ("collector: {http_prt: 1}", ["'collector.http_prt'", "'http_port'"]),
        ("models: {flights: {segmnts: [a]}}", ["'models.flights.segmnts'", "'segments'"]),
        ("collector: {http_port: many}", ["http_port", "int"]),
        ("collector: {http_port: 70000}", ["65535", "http_port"]),
        ("analyze: {every: soon}", ["analyze.every, which is 'soon'", "such as 30d"]),
        ("store: {keep_events: 0d}", ["store.keep_events, which is '0d'", "a time above 0"]),
        ("store: {keep_results: 00w}", ["a time above 0"]),
        ("analyze: {every: 0s}", ["analyze.every, which is '0s'", "a time above 0"]),
        ("collector: {slow_after: 0m}", ["collector.slow_after, which is '0m'"]),
        ("- a list", ["keys and values", "list"]),
        ("store: a-folder", ["'store'", "'url:'", "'a-folder'"]),
        ("a: [", ["no YAML"]),
        ("events: [{name: x, dates: [2013-99-01]}]", ["no YAML", "month"]),
        ("version: 2", ["version"]),
    ],
)
def test_a_wrong_file_says_what_and_where(tmp_path: Path, text: str, words: list[str]):
    """An unknown key names the nearest right one; a wrong value is named with its key and what is allowed."""
    file = tmp_path / "mlmon.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError) as caught:
        settings.load(file)
    for word in words:
        assert word in str(caught.value)


def test_an_unknown_variable_names_the_nearest():
    """A misspelt MLMON_ variable is an error that names the right one."""
    with pytest.raises(ConfigError, match="MLMON_STORE_URL"):
        settings.load(environ={"MLMON_STOR_URL": "x"})


def test_variables_of_others_are_left_alone():
    """Variables without the prefix, and those of the tests, are no settings."""
    assert settings.load(environ={"PATH": "/bin", "MLMON_TEST_REQUIRE": "all"}) == config.Config()


def test_a_missing_file_that_was_named_is_an_error(tmp_path: Path):
    """A file that was asked for must be there."""
    with pytest.raises(ConfigError, match="cannot be read"):
        settings.load(tmp_path / "none.yaml")


def test_a_secret_is_no_setting():
    """A secret's variable is passed over, and a file cannot hold it."""
    assert settings.load(environ={"MLMON_STORE_KEY": "k", "MLMON_STORE_PASSWORD": "p"}) == config.Config()
    with pytest.raises(ConfigError, match="unknown setting MLMON_STORE_KEYS"):
        settings.load(environ={"MLMON_STORE_KEYS": "k"})
