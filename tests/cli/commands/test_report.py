def test_report(run, store):
    """The report is one HTML file that names the model."""
    shown = run("report", "--out", "report.html")
    assert shown.exit_code == 0, shown.stderr
    text = (store.parent / "report.html").read_text()
    assert text.lstrip().lower().startswith("<!doctype html>")
    assert "flight-delay" in text


def test_a_missing_folder(run, store):
    """A folder that is not there is wrong usage."""
    assert run("report", "--out", "nowhere/report.html").exit_code == 2


def test_an_unknown_model(run, store):
    """A model that is not there is wrong usage, and no file is made."""
    assert run("report", "--out", "report.html", "--model", "m").exit_code == 2
    assert not (store.parent / "report.html").exists()
