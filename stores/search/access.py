"""How to get at a cluster: its address, who asks, and which certificate to believe.

Secrets come from the environment or from files, never from the configuration or the address, so that
neither a repository nor a list of processes shows them.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from mlmon.core import config
from mlmon.core.config import StoreConfig
from mlmon.core.errors import ConfigError, UsageError

SCHEMES: Final = {
    "elasticsearch": "http",
    "elasticsearch+https": "https",
    "opensearch": "http",
    "opensearch+https": "https",
}
_PORTS: Final = {"http": 9200, "https": 443}
"""Where an address names none: a cluster's own port, and behind TLS that of a cluster one rents."""
_THIS_MACHINE: Final = ("127.0.0.1", "localhost", "::1")
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SHA256_DIGITS: Final = 64
_SECRETS: Final = ("api_key", "token", "password")


class Access(Struct, frozen=True, kw_only=True):
    """An address and what opens it. `api_key` is the encoded form; one of the three ways in at most."""

    url: str
    api_key: str | None = None
    user: str | None = None
    password: str | None = None
    token: str | None = None
    ca_file: str | None = None
    fingerprint: str | None = None
    secret_file: str | None = None
    """Where the secret was read from, if it was in a file."""
    compress: bool = False
    """Whether what is written goes compressed."""

    @property
    def engine(self) -> str:
        """`elasticsearch` or `opensearch`."""
        return urlsplit(self.url).scheme.partition("+")[0]

    @property
    def base(self) -> str:
        """The address as HTTP knows it, with its port, without a slash at its end."""
        parts = urlsplit(self.url)
        scheme = SCHEMES[parts.scheme]
        place = parts.netloc if parts.port else f"{parts.netloc.rstrip(':')}:{_PORTS[scheme]}"
        return f"{scheme}://{place}{parts.path}".rstrip("/")

    @property
    def is_secure(self) -> bool:
        """Whether it is spoken to over TLS."""
        return self.base.startswith("https:")

    def headers(self) -> dict[str, str]:
        """What says who asks."""
        if self.api_key is not None:
            return {"Authorization": f"ApiKey {self.api_key}"}
        if self.token is not None:
            return {"Authorization": f"Bearer {self.token}"}
        if self.user is not None:
            both = f"{self.user}:{self.password or ''}".encode()
            return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return {}

    def renewed(self) -> Access:
        """The same with its secret read again; a file that is not there now changes nothing."""
        if self.secret_file is None:
            return self
        try:
            found = _read(self.secret_file)
        except (OSError, UnicodeDecodeError):
            return self
        [way] = [name for name in _SECRETS if getattr(self, name) is not None]
        return replace(self, **{way: found}) if found and _is_sound(way, found) else self

    def tls(self) -> dict[str, Any]:
        """What urllib3 needs to believe the certificate, and no other."""
        if not self.is_secure:
            return {}
        if self.fingerprint is not None:
            # The certificate itself is compared; who signed it and for which name no longer matters.
            return {"assert_fingerprint": self.fingerprint, "cert_reqs": "CERT_NONE"}
        return {"cert_reqs": "CERT_REQUIRED"} | ({"ca_certs": self.ca_file} if self.ca_file else {})


def of(store: StoreConfig, environ: Mapping[str, str]) -> Access:
    """The access that settings and the environment give.

    Raises:
        UsageError, ConfigError: as `checked` and `secret`.

    """
    return checked(
        Access(
            url=store.url,
            api_key=secret(config.STORE_KEY, store.key_file, environ),
            user=store.user,
            password=secret(config.STORE_PASSWORD, store.password_file, environ),
            token=secret(config.STORE_TOKEN, store.token_file, environ),
            ca_file=store.ca_file,
            fingerprint=store.fingerprint,
            secret_file=_secret_file(store, environ),
            compress=store.compress,
        )
    )


def _secret_file(store: StoreConfig, environ: Mapping[str, str]) -> str | None:
    """The file that gives the secret; None where a variable does, or nothing."""
    files = (
        (config.STORE_KEY, store.key_file),
        (config.STORE_PASSWORD, store.password_file),
        (config.STORE_TOKEN, store.token_file),
    )
    return next((file for name, file in files if file and not environ.get(name, "").strip()), None)


def is_cluster(url: str) -> bool:
    """Whether a store's address names a cluster."""
    scheme, sign, _ = url.partition("://")
    return bool(sign) and scheme.lower() in SCHEMES


def checked(access: Access) -> Access:
    """The same, where it can be meant.

    Raises:
        UsageError: an address that is none, or has a secret in it; more than one way in.
        ConfigError: a secret that cannot be sent or would go over the wire in clear text, or a certificate
            that is not there.

    """
    _check_address(access.url)
    _check_way(access)
    _check_sound(access)
    _check_user(access)
    _check_trust(access)
    return access


def _check_address(url: str) -> None:
    parts = _parts(url)
    if parts is None or parts.scheme not in SCHEMES or not parts.hostname or parts.query or parts.fragment:
        raise UsageError(
            f"'{url}' is no address of a cluster. Give one such as elasticsearch+https://host:9200; "
            f"the scheme is one of {', '.join(SCHEMES)}."
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"The address of the cluster {parts.hostname} has a user in it, and logs would show it. "
            "Set store.user, and the password in MLMON_STORE_PASSWORD."
        )


def _parts(url: str) -> SplitResult | None:
    """The parts of an address; None where it is none, such as for its port."""
    try:
        parts = urlsplit(url)
        has_port = parts.port != 0
    except ValueError:
        return None
    return parts if has_port else None


def _check_way(access: Access) -> None:
    ways = [name for name in ("api_key", "token", "user") if getattr(access, name) is not None]
    if len(ways) > 1:
        raise ConfigError(
            f"There is more than one way into {access.url}: {' and '.join(ways)}. Set one: an API key, "
            "a token, or a user with a password."
        )
    if ways and not access.is_secure and urlsplit(access.url).hostname not in _THIS_MACHINE:
        raise ConfigError(
            f"The {ways[0]} for {access.url} would go over the network in clear text. "
            f"Use {access.engine}+https://."
        )


def _check_sound(access: Access) -> None:
    """A client would fail at such a secret, and show it."""
    for name in _SECRETS:
        value = getattr(access, name)
        if value is not None and not _is_sound(name, value):
            raise ConfigError(
                f"The {name} for {access.url} has a blank, a line break or a letter that none can have. "
                "Copy it again; of an API key the encoded form."
            )


def _is_sound(name: str, value: str) -> bool:
    """Whether a secret can be sent: a password as it is, since it is encoded, others as one plain word."""
    return name == "password" or (value.isascii() and value.isprintable() and " " not in value)


def _check_user(access: Access) -> None:
    if access.user is None and access.password is not None:
        raise ConfigError(f"There is a password for {access.url} and no user. Set store.user.")
    if access.user is not None and access.password is None:
        raise ConfigError(
            f"There is no password for the user '{access.user}' of {access.url}. "
            f"Set {config.STORE_PASSWORD}, or name a file in store.password_file."
        )


def _check_trust(access: Access) -> None:
    if access.ca_file is not None and not Path(access.ca_file).is_file():
        raise ConfigError(
            f"store.ca_file names '{access.ca_file}', and there is no such file. Check its path."
        )
    if access.fingerprint is not None:
        _check_fingerprint(access.fingerprint)


def _check_fingerprint(text: str) -> None:
    digits = text.replace(":", "")
    if len(digits) != _SHA256_DIGITS or not _HEX.issuperset(digits):
        raise ConfigError(
            f"store.fingerprint is '{text}', and must be the SHA-256 of the server's certificate: 64 digits "
            "0-9 and a-f. See: openssl x509 -fingerprint -sha256 -noout -in http.crt"
        )


def _read(file: str) -> str:
    return Path(file).read_text(encoding="utf-8").strip()


def secret(name: str, file: str | None, environ: Mapping[str, str]) -> str | None:
    """A secret: the variable's value, else what is in the file; None where neither is given.

    Raises:
        ConfigError: the file cannot be read or is empty.

    """
    if value := environ.get(name, "").strip():
        return value
    if file is None:
        return None
    try:
        value = _read(file)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The secret in '{file}' cannot be read: {error}. Check the file, or set {name}."
        ) from None
    if not value:
        raise ConfigError(f"The file '{file}' is empty. Write the secret into it, or set {name}.")
    return value
