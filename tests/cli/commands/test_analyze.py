import shutil


def test_a_second_pass_finds_nothing_new(run, store, monkeypatch):
    """A pass after a pass has no new inference and no outcome to join."""
    monkeypatch.setenv("MLMON_ANALYZE_WINDOWS", '["month"]')
    assert run("analyze").exit_code == 0
    shown = run("analyze")
    assert shown.exit_code == 0, shown.stderr
    assert shown.stdout.startswith("0 new inferences and 0 joined outcomes of 1 model:")


def test_a_time_is_stated_again(run, store, monkeypatch):
    """--since and --until state the windows of a time again, whatever changed in it."""
    monkeypatch.setenv("MLMON_ANALYZE_WINDOWS", '["month"]')
    run("analyze")
    shown = run("analyze", "--since", "2013-04-02", "--until", "2013-04-03")
    assert " 1 window," in shown.stdout


def test_an_empty_store(run, empty):
    """A pass over nothing is fine and says how events come."""
    shown = run("analyze")
    assert shown.exit_code == 0
    assert "Nothing was served yet" in shown.stderr


def test_no_store_is_made(run, store):
    """A folder that is not there is an error, and is not made."""
    shutil.rmtree(store)
    assert run("analyze").exit_code == 3
    assert not store.exists()


def test_a_wrong_duration(run, store):
    """A duration of another form is wrong usage."""
    assert run("analyze", "--every", "soon").exit_code == 2
