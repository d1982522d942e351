import json

import pytest


@pytest.fixture
def setup(run, engine, monkeypatch):
    """Run `mlmon setup` for a namespace of one's own, and take it away at the end."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", "cli_test")

    def setting_up(*words):
        return run("setup", *words, "--store", engine.store_url)

    yield setting_up
    assert setting_up("--remove").exit_code == 0


@pytest.mark.slow
def test_setting_up_shows_does_and_then_has_nothing_to_do(setup, engine):
    """A dry run names each part and changes nothing; a run puts them, and the next has nothing to do."""
    part = "index template logs-mlmon.inference-cli_test"
    dry = setup("--dry-run")
    assert dry.exit_code == 0, dry.output
    assert f"+ {part}" in dry.stdout
    assert "would be put" in dry.stderr
    assert engine.ask("GET", "/_index_template/logs-mlmon.inference-cli_test")[0] == 404
    assert f"+ {part}" in setup().stdout
    again = setup()
    assert part not in again.stdout
    assert again.stderr.splitlines()[-1].startswith("0 parts put")
    assert f"- {part}" in setup("--remove").stdout


@pytest.mark.slow
def test_what_would_be_put_is_printed_for_other_tools(run, engine, monkeypatch):
    """Every part is JSON by its path, and nothing is put; what is put so is as it should be."""
    monkeypatch.setenv("MLMON_STORE_NAMESPACE", "cli_print_test")
    shown = run("setup", "--print", "--store", engine.store_url)
    assert shown.exit_code == 0, shown.output
    bodies = json.loads(shown.stdout)
    assert engine.ask("GET", "/_index_template/logs-mlmon.inference-cli_print_test")[0] == 404
    for path, body in bodies.items():
        assert engine.ask("PUT", path, body)[0] in (200, 201)
    assert "0 parts would be put" in run("setup", "--dry-run", "--store", engine.store_url).stderr
    assert run("setup", "--remove", "--store", engine.store_url).exit_code == 0


@pytest.mark.slow
def test_a_dry_run_says_what_differs_and_from_when_on(setup, monkeypatch):
    """A key that differs is shown with both values, without digests, and with when it comes into effect."""
    setup()
    monkeypatch.setenv("MLMON_STORE_SHARDS", "2")
    dry = setup("--dry-run")
    assert "template.settings.index.number_of_shards: 1 -> 2" in dry.stdout
    assert "digest" not in dry.stdout
    assert "begun from now on" in dry.stderr


def test_roles_are_printed_without_a_cluster(run):
    """The roles are JSON by the path each is put to, for the engine and the namespace of the settings."""
    shown = run("setup", "--roles", "--store", "opensearch://nowhere:9200")
    assert shown.exit_code == 0
    assert "/_plugins/_security/api/roles/mlmon_writer" in json.loads(shown.stdout)


def test_a_folder_needs_no_setting_up(run, store):
    """For a folder the command says that there is nothing to do, and what it is for."""
    shown = run("setup", "--store", str(store))
    assert shown.exit_code == 2
    assert "needs no setting up" in shown.stderr


def test_only_one_thing_is_done(run):
    """What prints and what removes are not asked for at once, since one would be left undone silently."""
    shown = run("setup", "--remove", "--roles", "--store", "elasticsearch://127.0.0.1:1")
    assert shown.exit_code == 2
    assert "Give one of --remove, --roles." in shown.stderr
