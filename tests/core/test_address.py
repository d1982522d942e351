import pytest

from mlmon.core.address import parts_of


@pytest.mark.parametrize("url", ["http://[", "http://h:99999", "http://h:x", "http://h:-1"])
def test_what_is_no_address_has_no_parts(url: str):
    """A bracket that is not closed and a port that is no port are told by None, and never raised."""
    assert parts_of(url) is None


def test_an_address_has_its_parts():
    """Of a URL there are scheme, host and port; of any other text there are parts too, and no host."""
    parts = parts_of("https://[::1]:5959/v1?ca=x")
    assert parts is not None
    assert (parts.scheme, parts.hostname, parts.port, parts.query) == ("https", "::1", 5959, "ca=x")
    other = parts_of("5959")
    assert other is not None
    assert other.hostname is None
