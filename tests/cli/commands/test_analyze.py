import shutil
import subprocess
import time

PATIENCE_S = 60.0


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


def test_passes_go_on_after_one_failed(store, command, tmp_path):
    """Where the store cannot be read for a while, that is told, and the passes after it go well again."""
    manifest, shown = store / "events.json", tmp_path / "shown.txt"
    whole = manifest.read_bytes()

    def seen(words, times=1):
        deadline = time.monotonic() + PATIENCE_S
        while shown.read_text().count(words) < times:
            assert process.poll() is None, shown.read_text()
            assert time.monotonic() < deadline, shown.read_text()
            time.sleep(0.02)  # between two tries of the poll with its deadline

    with shown.open("w") as output:
        words = [*command, "analyze", "--every", "1s", "--store", str(store)]
        process = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        try:
            seen("new inferences")
            manifest.write_bytes(b"torn")
            seen("A pass failed: ")
            before = shown.read_text().count("new inferences")
            manifest.write_bytes(whole)
            seen("new inferences", before + 1)
        finally:
            process.terminate()
            process.wait(PATIENCE_S)
    assert process.returncode == 0
