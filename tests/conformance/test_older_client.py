"""The client of the server's own version: what this environment's newer client does not show."""

import os
import re
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
CLIENT = "elasticsearch>=8.19,<9"
SUITE = [
    "tests/conformance/test_query.py",
    "tests/conformance/test_scan.py",
    "tests/stores/search/test_streams.py",
]
OF_8 = "elasticsearch and 8 and not test_window"
"""The ids of windows hold an 8 whatever the server."""
PATIENCE_S = 300
LEAST = 100
"""Tests of this server in these files; fewer would mean that the choice above no longer finds them."""


@pytest.fixture(scope="module")
def with_client_8(from_pypi):
    """Give a function that runs Python with the client of Elasticsearch 8 in front of all others."""
    folder = from_pypi("elasticsearch-8", CLIENT)

    def run(*arguments, **variables):
        env = {**os.environ, "PYTHONPATH": str(folder), **variables}
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=env, capture_output=True, text=True, timeout=PATIENCE_S, check=False
        )

    return run


def test_the_client_of_version_8_is_the_one_that_is_asked(with_client_8):
    """A process started so has the client 8.19 or a later one of 8, with the transport it came with."""
    told = with_client_8(
        "-c",
        "import elasticsearch, elastic_transport as t; print(elasticsearch.__versionstr__, t.__version__)",
    )
    client, transport = told.stdout.split()
    assert client.startswith("8.")
    assert int(client.split(".")[1]) >= 19
    assert transport.startswith("8.")


def test_a_server_of_version_8_is_read_and_written_by_its_own_client(with_client_8, elasticsearch_8, root):
    """The conformance suite, and events in streams of models, pass on Elasticsearch 8 by its own client."""
    chosen = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", OF_8]
    files = [str(root / name) for name in SUITE]
    done = with_client_8(*chosen, *files, MLMON_TEST_ELASTICSEARCH_8=elasticsearch_8.url)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-1000:]
    passed = re.search(r"(\d+) passed", done.stdout)
    assert passed is not None
    assert int(passed[1]) >= LEAST
