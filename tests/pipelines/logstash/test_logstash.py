import os
import subprocess

import msgspec
import pytest

from mlmon.pipelines.logstash.effect import effect
from mlmon.pipelines.logstash.options import S3, Options
from mlmon.pipelines.logstash.render import render
from mlmon.pipelines.logstash.rules import ORIGINAL
from mlmon.pipelines.validate import IN_THE_FUTURE, NOT_UTF8

OF_THE_CLOCK = {"@timestamp", "event.ingested", "event.id"}
DOOR = 'input { stdin { codec => line add_field => { "[@metadata][mlmon][form]" => "text" } } }\n'
SHOW = "output { stdout { codec => json_lines } }\n"


@pytest.fixture
def home(tmp_path, limits):
    """Give a folder with the rendered files, and empty ones where certificates would be."""
    folder = tmp_path / "mlmon"
    (folder / "tls").mkdir(parents=True)
    (tmp_path / "data" / "dead_letter_queue" / "mlmon").mkdir(parents=True)
    options = Options(
        inputs=("beats", "http", "tcp", "kafka", "s3"),
        home=str(folder),
        data=str(tmp_path / "data"),
        limits=limits,
        s3=S3(bucket="events"),
    )
    for name, text in render(options).items():
        (folder / name).write_text(text)
    for name in ("server.pem", "server.key", "clients-ca.pem", "cluster-ca.pem", "kafka-ca.pem"):
        (folder / "tls" / name).touch()
    return folder


@pytest.fixture
def logstash(require, tmp_path):
    """Give a function that runs Logstash with arguments and input, and gives what it printed."""
    program = require("logstash")
    settings = tmp_path / "settings"
    settings.mkdir()
    # Some machines have no user but root to test as, and Logstash 9 wants to be asked for that.
    (settings / "logstash.yml").write_text("allow_superuser: true\n")

    def run(*arguments, stdin=b""):
        command = [program, "--path.settings", str(settings), "--path.data", str(tmp_path / "run")]
        command += ["--log.level", "warn", *map(str, arguments)]
        environ = os.environ | {"MLMON_LOGSTASH_API_KEY": "id:key"}
        done = subprocess.run(
            command, input=stdin, capture_output=True, env=environ, timeout=600, check=False
        )
        assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
        return done.stdout

    return run


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mlmon.conf", "deadletter.conf"])
def test_logstash_takes_the_configuration(logstash, home, name):
    """Logstash itself finds nothing wrong with the rendered pipelines."""
    assert b"Configuration OK" in logstash("--config.test_and_exit", "-f", home / name)


@pytest.mark.slow
def test_logstash_gives_what_the_description_says(logstash, home, cases, table):
    """Each line of the table that does not hang on the clock comes out of Logstash as described."""
    rendered = (home / "mlmon.conf").read_text()
    pipeline = home / "cases.conf"
    pipeline.write_text(DOOR + rendered[rendered.index("filter {") : rendered.index("output {")] + SHOW)
    lines = [case.bytes for case in cases if case.reason != IN_THE_FUTURE and case.bytes.strip()]
    shown = logstash("-w", 1, "-f", pipeline, stdin=b"\n".join(lines) + b"\n")
    done = [msgspec.json.decode(line) for line in shown.splitlines() if line.startswith(b"{")]
    assert len(done) == len(lines)
    for line, document in zip(lines, done, strict=True):
        said = effect(line, table).document
        parts = {"data_stream", "data_stream.namespace", *OF_THE_CLOCK}
        if document.get("error.type") == NOT_UTF8:
            parts.add(ORIGINAL)  # Logstash's codecs show such bytes in signs of their own
        assert {key: document[key] for key in document.keys() - parts} == {
            key: said[key] for key in said.keys() - parts
        }, line
