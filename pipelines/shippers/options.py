"""What a rendered configuration is told: which files, which collector, and how it is let in."""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from mlmon.core.address import parts_of
from mlmon.core.errors import UsageError

KEY_VARIABLE: Final = "MLMON_LOG_KEY"
"""The environment variable that an agent takes the collector's key from; no file holds it."""
_PORTS: Final = {"http": 5959, "beats": 5044}


class Options(Struct, frozen=True, kw_only=True):
    """What to render. Paths of certificates are those on the agent's machine; None is none."""

    paths: tuple[str, ...]
    to: str
    ca: str | None = None
    certificate: str | None = None
    certificate_key: str | None = None
    has_key: bool = False
    data: str
    max_line_bytes: int = 1 << 20


class Address(Struct, frozen=True, kw_only=True):
    """A door of the collector."""

    host: str
    port: int
    is_tls: bool

    @property
    def text(self) -> str:
        """Host and port, as a configuration has them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def address(options: Options, wire: str) -> Address:
    """The door to send to: of the wire `http` or `beats`.

    Raises:
        UsageError: the address is none, is of another wire, or says keys and certificates without TLS.

    """
    tls = {"http": "https", "beats": "beats+tls"}[wire]
    parts = parts_of(options.to)
    if parts is None or parts.scheme not in (wire, tls) or not parts.hostname or parts.port == 0:
        raise UsageError(
            f"'{options.to}' is no address for this agent. Give the collector's {wire} door, such as "
            f"{tls}://collector.example.org:{_PORTS[wire]}, or {wire}://127.0.0.1:{_PORTS[wire]} without TLS."
        )
    is_tls = parts.scheme == tls
    if not is_tls and (options.ca or options.certificate):
        raise UsageError(
            f"Certificates are for TLS, and '{options.to}' has none. "
            f"Write it as {tls}://{parts.netloc}, or leave the certificates out."
        )
    if not is_tls and options.has_key and parts.hostname not in ("127.0.0.1", "::1", "localhost"):
        raise UsageError(
            f"A key would be sent in plain text to '{options.to}'. Write it as {tls}://{parts.netloc}."
        )
    if options.has_key and wire == "beats":
        raise UsageError(
            "The Beats door takes certificates, not keys. Give --cert and --cert-key, "
            "or use Vector or Fluent Bit, which send by http."
        )
    return Address(host=parts.hostname, port=parts.port or _PORTS[wire], is_tls=is_tls)


def files(options: Options) -> list[str]:
    """The files and patterns to read.

    Raises:
        UsageError: one is nothing but blanks.

    """
    if not all(path.strip() for path in options.paths):
        raise UsageError("A file without a name cannot be read. Give one, such as --tail /var/log/app.log.")
    return list(options.paths)


def to_yaml(document: object, *about: str) -> str:
    """The text of a configuration, with comments at its top."""
    head = "".join(f"# {line}\n" if line else "#\n" for line in about)
    return head + msgspec.yaml.encode(document).decode()
