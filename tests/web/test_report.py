import re

from mlmon.web.report import render_report


def test_the_report_says_first_what_matters(reader, clock, example):
    """The top names the model with findings, what was found, since when and how sure."""
    text = render_report(reader, clock=clock)
    top = text[: text.index('class="report-model"')]
    assert f"{example.LATE} needs a look" in top
    assert re.search(r"temp has drifted .* Since 2013-\d\d-\d\d 00:00 UTC", top)
    assert "Chance of it without a change: below 0.0001" in top
    assert re.search(r"ROC AUC is 0\.8\d+ \(95 % interval 0\.8\d+ to 0\.8\d+\)", top)


def test_the_report_needs_nothing_but_itself(reader, clock):
    """The report names no file or host to load from, and forbids all but its own scripts."""
    text = render_report(reader, clock=clock)
    markup = re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)
    assert not re.search(r"<(?:script|link|img)[^>]+(?:src|href)=\"(?!data:)", markup)
    assert "default-src 'none'; script-src 'sha256-" in text


def test_the_report_can_be_of_one_model_and_time(reader, clock, example):
    """Only the models named are in it, and only the time asked for."""
    span = example.Window(start=example.START, end=example.START + (example.END - example.START) / 4)
    text = render_report(reader, span, models=(example.BAGS,), clock=clock)
    assert example.LATE not in text
    assert "Nothing is wrong with the model" in text


def test_the_report_of_an_empty_store_says_so(empty, clock):
    """Without a model, the report says what to do."""
    assert "No model has events or results in this time" in render_report(empty, clock=clock)
