"""A door that others can reach is locked unless the settings say otherwise."""

import ssl
from typing import Any

import pytest

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import ConfigError
from mlmon.pipelines.collector.guard import guard

EVERYWHERE = "0.0.0.0"  # noqa: S104 - nothing is bound here
HTTP_ALONE: dict[str, Any] = {"tcp_port": None, "beats_port": None}


def refused(**settings: Any) -> str:
    """Give what a person is told who starts with these settings."""
    with pytest.raises(ConfigError) as caught:
        guard(CollectorConfig(**settings))
    return str(caught.value)


def test_on_this_machine_nothing_is_asked():
    """A laptop needs neither certificate nor key."""
    found = guard(CollectorConfig())
    assert (found.needs_key, found.http, found.streams) == (False, None, None)


@pytest.mark.parametrize("host", [EVERYWHERE, "::", "192.0.2.1", "collector.internal"])
def test_other_machines_need_tls_and_a_key(host, certificates):
    """Plain text is refused with all choices; with a certificate keys are required."""
    told = refused(host=host)
    for choice in ("tls_cert", "tls_key", "allow_plaintext", "127.0.0.1", host):
        assert choice in told
    found = guard(CollectorConfig(host=host, tls_cert=certificates.server, **HTTP_ALONE))
    assert found.needs_key
    assert isinstance(found.http, ssl.SSLContext)


def test_a_proxy_may_end_tls():
    """Plain text is allowed where it is asked for; keys are required all the same."""
    found = guard(CollectorConfig(host=EVERYWHERE, allow_plaintext=True, **HTTP_ALONE))
    assert (found.needs_key, found.http) == (True, None)


def test_doors_that_carry_no_key_need_certificates(certificates):
    """The message names the doors and each way out, and each way out is one."""
    settings: dict[str, Any] = {"host": EVERYWHERE, "tls_cert": certificates.server}
    told = refused(**settings)
    for choice in (
        "collector.tcp_port",
        "collector.beats_port",
        "null",
        "tls_client_ca",
        "require_keys: false",
    ):
        assert choice in told
    assert "collector.tcp_port" not in refused(**settings, tcp_port=None)
    assert not guard(CollectorConfig(**settings, require_keys=False)).needs_key
    found = guard(CollectorConfig(**settings, tls_client_ca=certificates.ca))
    assert found.http is not None
    assert found.http.verify_mode is ssl.CERT_NONE
    assert found.streams is not None
    assert found.streams.verify_mode is ssl.CERT_REQUIRED


def test_without_keys_a_certificate_is_the_proof_at_each_door(certificates):
    """Whoever asks for certificates and no keys means all doors."""
    found = guard(CollectorConfig(tls_cert=certificates.server, tls_client_ca=certificates.ca))
    assert found.http is not None
    assert found.http.verify_mode is ssl.CERT_REQUIRED


def test_keys_may_be_required_on_this_machine():
    """Several teams may share one."""
    assert guard(CollectorConfig(require_keys=True, **HTTP_ALONE)).needs_key


def test_files_that_are_no_good_are_named(certificates, tmp_path):
    """Each message has the file, the reason and the setting."""
    no_pem = tmp_path / "no.pem"
    no_pem.write_text("nothing")
    assert "No such file" in refused(tls_cert=str(tmp_path / "absent.pem"))
    assert "no.pem" in refused(tls_cert=str(no_pem))
    assert "collector.tls_key" in refused(tls_cert=certificates.server, tls_key=certificates.client)
    assert "collector.tls_client_ca" in refused(tls_cert=certificates.server, tls_client_ca=str(no_pem))
    assert "collector.tls_cert is not set" in refused(tls_key=certificates.server)
    assert "collector.tls_cert is not set" in refused(tls_client_ca=certificates.ca)
