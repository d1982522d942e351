"""What each engine can say, held against the table in docs/exports.md."""

from pathlib import Path

from mlmon.alerts.exports import elastalert, kibana, opensearch, watcher
from mlmon.alerts.exports.search import RefusedError

TARGETS = {
    "watcher": watcher.watch,
    "opensearch": opensearch.monitor,
    "kibana": kibana.kibana_rule,
    "elastalert": elastalert.elastalert,
}
CASES = {
    "a metric, `above` or `below` a fixed bound": "metric: error_rate\nwindow: 1h\nabove: 5%",
    "of features, versions, segments": "metric: psi\nwindow: 7d\nabove: 1\nversions: '2'\nsegments: a=*",
    "windows of a `month`": "metric: f1\nwindow: month\nbelow: 0.5",
    "`for: 3 of 5`": "metric: error_rate\nwindow: 1h\nabove: 5%\nfor: 3 of 5",
    "`min_n`": "metric: error_rate\nwindow: 1h\nabove: 5%\nmin_n: 100",
    "`judge: running`": "metric: error_rate\nwindow: 1h\nabove: 5%\njudge: running",
    "`judge: final`": "metric: f1\nwindow: 1d\nbelow: 0.5\njudge: final",
    "findings": "finding: drift\nwindow: 7d\nat_least: warning",
    "lines of the log, `above`": "log: {level: error}\nwindow: 5m\nabove: 10",
    "lines of the log, `below`": "log: {level: error}\nwindow: 5m\nbelow: 1\nmodels: flights",
    "`silence`": "silence: 2h",
    "`against` the reference": "metric: f1\nwindow: 1d\nfalls: 5%\nagainst: reference",
    "`against` the window before": "metric: f1\nwindow: 1d\nfalls: 5%\nagainst: previous",
    "`against` the season": "metric: inferences\nwindow: 1h\nfalls: 50%\nagainst: seasonal",
    "`recover`": "metric: error_rate\nwindow: 1h\nabove: 5%\nrecover: 3%",
    "`only_if`": "metric: psi\nwindow: 7d\nabove: 0.2\nonly_if: [{metric: f1, below: 0.5}]",
    "`maintenance`": "metric: f1\nwindow: 1d\nbelow: 0.5\nmaintenance: [{days: [sun]}]",
    "`flapping`": "metric: f1\nwindow: 1d\nbelow: 0.5\nflapping: {episodes: 2}",
    "`renotify`, `severity`, `owner`, `runbook`": "metric: f1\nwindow: 1d\nbelow: .5\nrenotify: 4h\nowner: x",
}
BEGIN, END = "<!-- expressible -->\n", "<!-- /expressible -->"


def says(write, rule, place):
    """Whether an engine takes a rule."""
    try:
        write(rule, place)
    except RefusedError:
        return "no"
    return "yes"


def test_the_table_says_what_each_engine_takes(rule, place, root):
    """Each row of the table is what exporting such a rule comes to."""
    rows = [f"| a rule with | {' | '.join(f'`{name}`' for name in TARGETS)} |", "|---|---|---|---|---|"]
    for said, lines in CASES.items():
        answers = [says(write, rule(lines), place) for write in TARGETS.values()]
        rows.append(f"| {said} | {' | '.join(answers)} |")
    page = Path(root, "docs", "exports.md").read_text()
    assert page.partition(BEGIN)[2].partition(END)[0].strip() == "\n".join(rows)
