"""A disk without room, as real processes meet it."""

import json
import subprocess
import sys

PROGRAM = """
import logging, resource, sys
from mlmon.logging_sdk import ModelLogger
logging.disable()
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, 30_000))
log = ModelLogger("m", ship=sys.argv[1], spool=sys.argv[2])
for index in range(500):
    log.predicted({"x": 1.0}, value=index)
assert log.flush(30), log.stats()
stats = log.stats()
assert (stats.sent, stats.dropped, stats.queued) == (500, {}, 0), stats
"""


def test_a_full_disk_loses_nothing_while_the_process_lives(server, tmp_path):
    """Where files can't grow any more, what does not fit is delivered from memory, each event once."""
    command = [sys.executable, "-c", PROGRAM, server.url, str(tmp_path)]
    subprocess.run(command, check=True, timeout=60)
    values = [json.loads(line)["mlmon.prediction.value"] for line in server.lines]
    assert values == list(range(500))
