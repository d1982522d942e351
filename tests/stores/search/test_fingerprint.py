"""Believing one certificate alone, over each way to a cluster."""

import hashlib
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlmon.core.errors import StoreUnreachableError
from mlmon.stores import elasticsearch, opensearch
from mlmon.stores.search.access import Access, checked
from mlmon.stores.search.connection import Http

END = "-----END CERTIFICATE-----"
CONNECTIONS = {
    "plain": ("elasticsearch", Http),
    "elasticsearch": ("elasticsearch", elasticsearch.ClientConnection),
    "opensearch": ("opensearch", opensearch.ClientConnection),
}


class Handler(BaseHTTPRequestHandler):
    """Answers as an Elasticsearch would, as far as a client looks."""

    def do_GET(self) -> None:
        """Say yes."""
        self.send_response(200)
        self.send_header("X-Elastic-Product", "Elasticsearch")
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def port(certificates):
    """Give the port of a server over TLS whose certificate an authority of the tests signed."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificates.server)
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def fingerprint(certificates):
    """Give the SHA-256 of the server's certificate."""
    text = Path(certificates.server).read_text()
    start = text.index("-----BEGIN CERTIFICATE-----")
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(text[start : text.index(END) + len(END)])).hexdigest()


@pytest.fixture(params=CONNECTIONS)
def get(request, port):
    """Give a function that asks the server over each connection, with an access of its own."""
    scheme, make = CONNECTIONS[request.param]
    made = []

    def ask(**access):
        made.append(make(checked(Access(url=f"{scheme}+https://127.0.0.1:{port}", **access))))
        return made[-1].send("GET", "/")

    yield ask
    for each in made:
        each.close()


def test_the_certificate_named_is_believed_whoever_signed_it(get, fingerprint):
    """A fingerprint opens the connection without an authority, in either way of writing it."""
    colons = ":".join(fingerprint[at : at + 2] for at in range(0, 64, 2)).upper()
    for text in (fingerprint, colons):
        assert get(fingerprint=text).status == 200


def test_another_certificate_is_not_believed(get, fingerprint):
    """One digit that differs closes the connection, and the error names the setting."""
    other = f"{fingerprint[:-1]}{'0' if fingerprint[-1] != '0' else '1'}"
    with pytest.raises(StoreUnreachableError, match=r"set store\.fingerprint anew"):
        get(fingerprint=other)


def test_an_authority_is_believed_alone(get, certificates):
    """The authority that is named opens the connection, and another one does not, nor a file that is none."""
    assert get(ca_file=certificates.ca).status == 200
    with pytest.raises(StoreUnreachableError, match=r"in store\.ca_file"):
        get(ca_file=certificates.other_ca)
    with pytest.raises(StoreUnreachableError, match=r"store\.ca_file names holds no certificate"):
        get(ca_file=__file__)
