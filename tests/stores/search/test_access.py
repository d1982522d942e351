import pytest

from mlmon.core.config import StoreConfig
from mlmon.core.errors import ConfigError, StoreUnreachableError, UsageError
from mlmon.stores.search import access
from mlmon.stores.search.access import Access

URL = "elasticsearch+https://cluster.example:9200"
FINGERPRINT = ":".join(["ab"] * 32)


def test_an_address_names_its_engine_and_its_place():
    """The scheme says which engine and whether over TLS; the rest is the place."""
    found = access.of(StoreConfig(url="opensearch+https://cluster.example:9200/"), {})
    assert (found.engine, found.base, found.is_secure) == ("opensearch", "https://cluster.example:9200", True)
    assert access.is_cluster("elasticsearch://localhost:9200")
    assert not access.is_cluster("mlmon-data")
    assert not access.is_cluster("file:///data")


@pytest.mark.parametrize(
    ("url", "base"),
    [
        ("elasticsearch://host", "http://host:9200"),
        ("elasticsearch+https://host", "https://host:443"),
        ("OpenSearch+HTTPS://host:/", "https://host:443"),
        ("opensearch://[::1]", "http://[::1]:9200"),
        ("elasticsearch+https://proxy:9/behind/", "https://proxy:9/behind"),
    ],
)
def test_an_address_need_not_name_its_port(url, base):
    """Without a port it is 9200, and 443 over TLS; small letters are as good as large ones."""
    assert access.is_cluster(url)
    assert access.of(StoreConfig(url=url), {}).base == base


@pytest.mark.parametrize(
    "rest", ["", ":9200", "host:abc", "host:99999", "host:0", "[::1", "host:9200?pretty", "host#9200"]
)
def test_what_is_no_address_is_refused(rest):
    """An address without a host, with a port that none can be, or with more than a path says what one is."""
    with pytest.raises(UsageError, match="no address of a cluster"):
        access.of(StoreConfig(url=f"elasticsearch://{rest}"), {})


@pytest.mark.parametrize(
    ("settings", "environ", "header"),
    [
        ({}, {"MLMON_STORE_KEY": "a2V5\n"}, "ApiKey a2V5"),
        ({}, {"MLMON_STORE_TOKEN": "t0k"}, "Bearer t0k"),
        ({"user": "writer"}, {"MLMON_STORE_PASSWORD": "s3cret"}, "Basic d3JpdGVyOnMzY3JldA=="),
    ],
)
def test_each_way_in_has_its_header(settings, environ, header):
    """An API key, a token, and a user with a password each become the header that engines expect."""
    found = access.of(StoreConfig(url=URL, **settings), environ)
    assert found.headers() == {"Authorization": header}


def test_a_secret_may_be_in_a_file(tmp_path):
    """A file named in the settings gives the secret, without the line's end."""
    (tmp_path / "key").write_text("a2V5\n")
    found = access.of(StoreConfig(url=URL, key_file=str(tmp_path / "key")), {})
    assert found.api_key == "a2V5"


def test_no_way_in_is_no_header():
    """Without a secret nothing is said of who asks."""
    assert access.of(StoreConfig(url="elasticsearch://localhost:9200"), {}).headers() == {}


@pytest.mark.parametrize(
    ("settings", "environ", "error", "message"),
    [
        ({"url": "elasticsearch://u:p@host:9200"}, {}, UsageError, "MLMON_STORE_PASSWORD"),
        ({"url": "elasticsearch:///x"}, {}, UsageError, "no address of a cluster"),
        (
            {"user": "a"},
            {"MLMON_STORE_PASSWORD": "p", "MLMON_STORE_KEY": "k"},
            ConfigError,
            "more than one way",
        ),
        ({"user": "a"}, {}, ConfigError, "no password for the user 'a'"),
        ({}, {"MLMON_STORE_PASSWORD": "p"}, ConfigError, "Set store.user"),
        ({"url": "opensearch://far:9200"}, {"MLMON_STORE_KEY": "k"}, ConfigError, "clear text"),
        ({}, {"MLMON_STORE_KEY": ":p@✈"}, ConfigError, "a letter that none can have. Copy it again"),
        ({}, {"MLMON_STORE_TOKEN": ":p@ b"}, ConfigError, "has a blank"),
        ({}, {"MLMON_STORE_KEY": ":p@\nb"}, ConfigError, "a line break"),
        ({"ca_file": "nowhere.pem"}, {}, ConfigError, "there is no such file"),
        ({"fingerprint": "abcd"}, {}, ConfigError, "64 digits"),
        ({"key_file": "nowhere"}, {}, ConfigError, "set MLMON_STORE_KEY"),
    ],
)
def test_what_cannot_be_meant_says_what_to_do(settings, environ, error, message):
    """A setting that opens nothing or shows a secret is refused with what to do, without the secret."""
    with pytest.raises(error, match=message) as raised:
        access.of(StoreConfig(**{"url": URL, **settings}), environ)
    assert ":p@" not in str(raised.value)


def test_one_certificate_may_be_believed_alone():
    """With a fingerprint that certificate is compared; with a file only what it signed is believed."""
    pinned = Access(url=URL, fingerprint=FINGERPRINT).tls()
    assert pinned["assert_fingerprint"] == FINGERPRINT
    assert Access(url=URL, ca_file="ca.pem").tls() == {"cert_reqs": "CERT_REQUIRED", "ca_certs": "ca.pem"}
    assert Access(url=URL).tls() == {"cert_reqs": "CERT_REQUIRED"}


def test_a_cluster_without_tls_is_told_as_such(stub, connect):
    """Asked over TLS where it speaks plain HTTP, a cluster is named with what to change in its address."""
    with pytest.raises(StoreUnreachableError, match=r"without \+https"):
        connect(stub.url.replace("://", "+https://")).send("GET", "/")
