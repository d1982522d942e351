"""Who may come in by which door: TLS, certificates of clients, and keys, decided once at the start.

A door that can be reached from other machines is safe unless the settings say otherwise, in so many words.
"""

from __future__ import annotations

import ipaddress
import ssl
from typing import Final

from msgspec import Struct

from mlmon.core.config import CollectorConfig
from mlmon.core.errors import ConfigError

_WITHOUT_KEYS: Final = ("tcp_port", "beats_port")
"""These wires cannot carry a key."""


class Guard(Struct, frozen=True, kw_only=True):
    """What the doors ask of those who connect; None means a door in plain text.

    Each door asks for one proof: http for a key where keys are required; the others, and http where they are
    not, for a certificate where `collector.tls_client_ca` is set.
    """

    needs_key: bool
    http: ssl.SSLContext | None
    streams: ssl.SSLContext | None


def guard(config: CollectorConfig) -> Guard:
    """What the settings come to.

    Raises:
        ConfigError: they would leave a door open that should be locked, or name a file that is no good.

    """
    is_local = is_loopback(config.host)
    needs_key = not is_local if config.require_keys is None else config.require_keys
    _check_tls(config, is_local=is_local)
    if needs_key:
        _check_doors_without_keys(config)
    return Guard(
        needs_key=needs_key,
        http=_context(config, asks_certificate=not needs_key),
        streams=_context(config, asks_certificate=True),
    )


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address.

    >>> [is_loopback(host) for host in ("127.0.0.1", "::1", "localhost", "0.0.0.0", "collector.internal")]
    [True, True, True, False, False]
    """
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_tls(config: CollectorConfig, *, is_local: bool) -> None:
    if config.tls_cert is None:
        for setting in ("tls_key", "tls_client_ca"):
            if (value := getattr(config, setting)) is not None:
                raise ConfigError(
                    f"collector.{setting} is '{value}', but collector.tls_cert is not set. "
                    "Name the file of the certificate there."
                )
        if not is_local and not config.allow_plaintext:
            raise ConfigError(
                f"The collector would listen on {config.host} without TLS, so that anyone on the way could "
                "read and change events. Set collector.tls_cert and collector.tls_key to the files of a "
                "certificate; "
                "or collector.allow_plaintext: true where a proxy in front of it ends TLS; "
                "or collector.host: 127.0.0.1 where only this machine sends."
            )


def _check_doors_without_keys(config: CollectorConfig) -> None:
    open_ones = [name for name in _WITHOUT_KEYS if getattr(config, name) is not None]
    if open_ones and config.tls_client_ca is None:
        settings = " and ".join(f"collector.{name}" for name in open_ones)
        raise ConfigError(
            f"Keys are required on {config.host}, and the doors of {settings} cannot carry one. "
            f"Set {settings} to null to take events by http alone; "
            "or collector.tls_client_ca to the authorities of the clients' certificates, which then are "
            "the proof; "
            "or collector.require_keys: false to let in whoever can connect."
        )


def _context(config: CollectorConfig, *, asks_certificate: bool) -> ssl.SSLContext | None:
    if config.tls_cert is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    key = config.tls_key or config.tls_cert
    try:
        context.load_cert_chain(config.tls_cert, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError(
            f"The certificate '{config.tls_cert}' with the key '{key}' cannot be used: {_reason(error)}. "
            "Check collector.tls_cert and collector.tls_key: both are PEM files, and belong together."
        ) from None
    if asks_certificate and config.tls_client_ca is not None:
        try:
            context.load_verify_locations(config.tls_client_ca)
        except (OSError, ssl.SSLError) as error:
            raise ConfigError(
                f"The authorities '{config.tls_client_ca}' cannot be used: {_reason(error)}. "
                "Check collector.tls_client_ca: it is a PEM file of one or more certificates."
            ) from None
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def _reason(error: OSError) -> str:
    return error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror or str(error)
