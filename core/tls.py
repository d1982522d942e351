"""TLS as a sender speaks it: who is trusted, what is shown, and what is said when it fails."""

from __future__ import annotations

import ssl
from urllib.parse import parse_qs

from msgspec import Struct

from mlmon.core.errors import UsageError


class Tls(Struct, frozen=True, kw_only=True):
    """What a URL says of TLS; files are PEM.

    Without `ca_file` the system's authorities are trusted, or those that SSL_CERT_FILE names. `cert_file` is
    shown to a server that asks; its key is in `cert_key_file`, or in the same file.
    """

    ca_file: str | None = None
    cert_file: str | None = None
    cert_key_file: str | None = None
    is_verified: bool = True


def tls_of(query: str) -> Tls:
    """What the query of a URL says of TLS: `ca`, `cert`, `cert_key`, and `verify=false`.

    >>> tls_of("ca=/etc/ca.pem&verify=false")
    Tls(ca_file='/etc/ca.pem', cert_file=None, cert_key_file=None, is_verified=False)
    """
    options = {name: values[0] for name, values in parse_qs(query).items()}
    return Tls(
        ca_file=options.get("ca"),
        cert_file=options.get("cert"),
        cert_key_file=options.get("cert_key"),
        is_verified=options.get("verify") != "false",
    )


def context_of(tls: Tls) -> ssl.SSLContext:
    """The context to connect with. The server's certificate and its host name are checked.

    Raises:
        UsageError: a file cannot be used.

    """
    try:
        context = ssl.create_default_context(cafile=tls.ca_file)
    except OSError as error:
        raise UsageError(
            f"The authorities '{tls.ca_file}' (ca=) cannot be used: {_reason(error)}. Name a PEM file."
        ) from None
    if tls.cert_file is not None:
        try:
            context.load_cert_chain(tls.cert_file, tls.cert_key_file)
        except OSError as error:
            raise UsageError(
                f"The certificate '{tls.cert_file}' (cert=, cert_key=) cannot be used: {_reason(error)}. "
                "Name PEM files that belong together."
            ) from None
    if not tls.is_verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def failure(where: str, error: Exception) -> str:
    """What to tell of a connection that failed; a certificate has a remedy of its own."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"{where} shows a certificate that is not trusted: {error.verify_message}. Name the authority "
            "that signed it with ?ca=FILE in the URL or in SSL_CERT_FILE, and use the host name that it is "
            "made for."
        )
    if isinstance(error, ssl.SSLError) and error.reason and "CERTIFICATE" in error.reason.upper():
        return (
            f"{where} wants a certificate of this service, or another one: {error.reason}. "
            "Name one that it trusts with ?cert=FILE&cert_key=FILE in the URL."
        )
    return f"{where} cannot be reached: {error!r}."


def _reason(error: OSError) -> str:
    return (isinstance(error, ssl.SSLError) and error.reason) or error.strerror or str(error)
