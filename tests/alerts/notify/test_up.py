"""The whole of it in a process: jobs, rules, a notice."""

import os
import signal
import subprocess
import sys

RULES = """
rules:
  - name: busy
    about: There is traffic.
    metric: inferences
    window: 7d
    above: 50
    for: 2
"""
SETTINGS = """
store: {url: analysed}
analyze: {windows: [7d]}
rules: {builtin: false, routes: {team: {}}}
"""


def test_mlmon_up_tells_of_an_alert_once(analysed, tmp_path, webhook):
    """A running mlmon up judges the rules after a pass, tells the webhook, and does not tell again."""
    analysed.close()
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "own.yaml").write_text(RULES)
    (tmp_path / "mlmon.yaml").write_text(SETTINGS)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MLMON_")}
    environ["MLMON_NOTIFY_TEAM"] = f"json://127.0.0.1:{webhook.port}/"
    start = [
        sys.executable,
        "-c",
        "from mlmon.cli.main import main; main()",
        "up",
        "--every",
        "1s",
        "--port",
        "0",
    ]
    doors = ["--http-port", "0", "--tcp-port", "0", "--beats-port", "0"]
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen([*start, *doors], cwd=tmp_path, env=environ, stderr=said, stdout=said)
        try:
            told = webhook.wait(3)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=120)
        said.seek(0)
        assert "3 open, 3 fired, 0 resolved, 3 messages taken" in said.read()
    assert process.returncode == 0
    assert {body["title"] for body in told} == {
        f"[warning] busy firing: {model}" for model in ("binary", "multiclass", "regression")
    }
    assert "inferences 80 (bound 50, of 80 events)" in told[0]["message"]
    assert "Some of its events:" in told[0]["message"]
    assert "attachments" in told[0]
    assert len(webhook.bodies()) == 3
