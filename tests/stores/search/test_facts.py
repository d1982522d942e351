"""What a cluster says of itself, where no real one at hand says it."""

import json
import re

import pytest

from mlmon.core.errors import ConfigError
from mlmon.stores.search import facts
from mlmon.stores.search.connection import Response


class Stub:
    """A cluster that answers every question with its root."""

    def __init__(self, url, root):
        self.url = url
        self.root = root

    def send(self, *_, **__):
        """Answer."""
        return Response(status=200, body=json.dumps(self.root).encode())

    def close(self):
        """Nothing is open."""


@pytest.mark.parametrize(
    ("root", "url", "advice"),
    [
        (
            {"version": {"number": "3.8.0", "distribution": "opensearch"}},
            "elasticsearch+https://host:9200",
            "is OpenSearch. Name it as opensearch+https://host:9200",
        ),
        (
            {"version": {"number": "9.5.0"}, "tagline": "You Know, for Search"},
            "opensearch://host:9200",
            "is Elasticsearch. Name it as elasticsearch://host:9200",
        ),
    ],
)
def test_the_other_engine_is_told_by_its_right_address(root, url, advice):
    """A cluster that says it is the other engine is not set up as this one; the error has its address."""
    with pytest.raises(ConfigError, match=re.escape(advice)):
        facts.probe(Stub(url, root), url.partition(":")[0].partition("+")[0])
