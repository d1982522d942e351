"""Any bytes over real sockets: the collector stays well, and good events next to them are stored."""

import contextlib
import http.client
import itertools
import struct
from collections.abc import Iterator

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlmon.core import schema
from mlmon.pipelines.collector.http import EVENTS_PATH

TIMEOUT_S = 60
ANY_FIXTURE = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(schema.FIELDS)), inner),
    max_leaves=12,
)
ODD_LINES = st.one_of(
    st.binary(max_size=300),
    JSON.map(msgspec.json.encode),
    st.dictionaries(st.sampled_from(list(schema.FIELDS)), JSON, max_size=8).map(msgspec.json.encode),
    st.integers(min_value=1, max_value=3000).map(lambda depth: b'{"a":' * depth),
)
CUTS = st.lists(st.integers(min_value=1, max_value=200), max_size=5)


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The bytes as a network may cut them."""
    start = 0
    for size in cuts:
        yield data[start : start + size]
        start += size
    yield data[start:]


def goods(line_of, numbers) -> tuple[bytes, bytes, set[str]]:
    """Two good lines of numbers that were not used before, and their ids."""
    first, second = next(numbers), next(numbers)
    return line_of(first), line_of(second), {f"producer-{first}", f"producer-{second}"}


def connected(collector) -> http.client.HTTPConnection:
    """Give a connection to the http door."""
    host, port = collector.address("http")
    return http.client.HTTPConnection(host, port, timeout=TIMEOUT_S)


def answer_of(collector, body: bytes) -> tuple[int, dict]:
    """Post a body; give the status and the answer."""
    with contextlib.closing(connected(collector)) as made:
        made.request("POST", EVENTS_PATH, body)
        answer = made.getresponse()
        return answer.status, msgspec.json.decode(answer.read())


def is_well(collector) -> bool:
    """Whether the http door still answers."""
    with contextlib.closing(connected(collector)) as made:
        made.request("GET", "/health")
        return made.getresponse().status == http.client.OK


def test_odd_lines_of_a_request_cost_only_themselves(collector, line_of, stored_ids):
    """Of a body with any lines between good ones, the good ones are stored and each line is accounted for."""
    numbers = itertools.count()

    @ANY_FIXTURE
    @given(odd=st.lists(ODD_LINES, max_size=5))
    def check(odd):
        before, after, ids = goods(line_of, numbers)
        status, told = answer_of(collector, b"\n".join((before, *odd, after)))
        assert status == http.client.OK
        assert told["received"] == told["stored"] + told["duplicates"] + told["dead_lettered"]
        assert ids <= set(stored_ids())

    check()


def test_odd_lines_over_tcp_cost_only_themselves(collector, line_of, stored_ids, until):
    """Of a tcp stream with any lines between good ones, however it is cut, the good ones are stored."""
    numbers = itertools.count()

    @ANY_FIXTURE
    @given(odd=ODD_LINES, cuts=CUTS)
    def check(odd, cuts):
        before, after, ids = goods(line_of, numbers)
        with collector.connect("tcp") as sender:
            for piece in pieces(b"\n".join((before, odd, after, b"")), cuts):
                sender.sendall(piece)
        until(lambda: ids <= set(stored_ids()))

    check()


def test_odd_records_over_beats_cost_only_themselves(collector, line_of, stored_ids):
    """A Beats window with any record between good ones is acknowledged, and the good ones are stored."""
    numbers = itertools.count()

    @ANY_FIXTURE
    @given(odd=ODD_LINES, cuts=CUTS)
    def check(odd, cuts):
        before, after, ids = goods(line_of, numbers)
        records = b"".join(
            b"2J" + struct.pack(">II", number, len(each)) + each
            for number, each in enumerate((before, odd, after), 1)
        )
        with collector.connect("beats") as sender, sender.makefile("rb") as heard:
            for piece in pieces(b"2W" + struct.pack(">I", 3) + records, cuts):
                sender.sendall(piece)
            while (acknowledged := heard.read(6)) == b"2A" + bytes(4):
                pass
            assert acknowledged == b"2A" + struct.pack(">I", 3)
        assert ids <= set(stored_ids())

    check()


def test_no_bytes_bring_the_collector_down(collector):
    """Whatever a peer sends to a door before it hangs up, the collector still answers."""

    @ANY_FIXTURE
    @given(door=st.sampled_from(("http", "tcp", "beats")), sent=st.binary(max_size=2000))
    def check(door, sent):
        with collector.connect(door) as sender, contextlib.suppress(ConnectionError):
            sender.sendall(sent)
        assert is_well(collector)

    check()
