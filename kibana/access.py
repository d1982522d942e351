"""Where Kibana is, and the way in: nothing is sent here, and secrets are never printed."""

from __future__ import annotations

import base64
import re
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

from mlmon.core.address import parts_of
from mlmon.core.errors import ConfigError, UsageError

_HERE: Final = ("127.0.0.1", "localhost", "::1")
_SPACE: Final = re.compile(r"[a-z0-9_-]+")
DEFAULT_SPACE: Final = "default"


class Target(StrEnum):
    """Whose saved objects."""

    KIBANA = "kibana"
    OPENSEARCH = "opensearch"


class Access(Struct, frozen=True, kw_only=True):
    """The address, the space, one way in, and whom to believe. `ca_file` is PEM."""

    url: str
    target: Target = Target.KIBANA
    space: str = DEFAULT_SPACE
    api_key: str | None = None
    user: str | None = None
    password: str | None = None
    ca_file: str | None = None

    def __repr__(self) -> str:
        """Without secrets."""
        return f"Access(url={self.url!r}, target={self.target!r}, space={self.space!r})"

    @property
    def name(self) -> str:
        """Its name for a person."""
        return "OpenSearch Dashboards" if self.target is Target.OPENSEARCH else "Kibana"

    def path(self, path: str) -> str:
        """The address of a path within the space."""
        space = "" if self.space == DEFAULT_SPACE else f"/s/{self.space}"
        return f"{self.url.rstrip('/')}{space}/{path.lstrip('/')}"

    def headers(self) -> dict[str, str]:
        """What each request carries."""
        if self.target is Target.OPENSEARCH:
            # Where tenants are used, what is put into no tenant is seen by nobody else.
            return {"osd-xsrf": "true", "securitytenant": "global", **self._authorization()}
        return {"kbn-xsrf": "true", **self._authorization()}

    def _authorization(self) -> dict[str, str]:
        if self.api_key is not None:
            return {"Authorization": f"ApiKey {self.api_key}"}
        if self.user is not None:
            both = f"{self.user}:{self.password or ''}".encode()
            return {"Authorization": f"Basic {base64.b64encode(both).decode()}"}
        return {}


def checked(access: Access) -> Access:
    """The same, where it can be meant.

    Raises:
        UsageError: an address or a space that is none.
        ConfigError: two ways in or half a one, a secret in clear text, an authority that is not there.

    """
    _check_address(access)
    if access.api_key is not None and access.user is not None:
        raise ConfigError(
            f"There are two ways into {access.url}: an API key, and the user '{access.user}'. Set one."
        )
    if access.target is Target.OPENSEARCH and access.api_key is not None:
        raise ConfigError(
            f"OpenSearch Dashboards at {access.url} takes no API keys. Set kibana.user and a password."
        )
    if (access.user is None) is not (access.password is None):
        raise ConfigError(
            f"The way into {access.url} needs both a user (kibana.user) and a password "
            "(MLMON_KIBANA_PASSWORD, or kibana.password_file)."
        )
    has_secret = access.api_key is not None or access.user is not None
    parts = urlsplit(access.url)
    if has_secret and parts.scheme == "http" and parts.hostname not in _HERE:
        raise ConfigError(
            f"The secret for {access.url} would go over the network in clear text. Use https://."
        )
    if access.ca_file is not None and not Path(access.ca_file).is_file():
        raise ConfigError(
            f"kibana.ca_file names '{access.ca_file}', and there is no such file. Check its path."
        )
    return access


def _check_address(access: Access) -> None:
    parts = parts_of(access.url)
    if parts is None or parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(
            f"'{access.url}' is no address of {access.name}. Give one such as https://kibana:5601."
        )
    if parts.username is not None or parts.password is not None:
        raise UsageError(
            f"The address of {access.name} at {parts.hostname} has a user in it, and logs would show it. "
            "Set kibana.user, and the password in MLMON_KIBANA_PASSWORD."
        )
    if _SPACE.fullmatch(access.space) is None:
        raise UsageError(
            f"'{access.space}' is no space. Give small letters, digits, '_' and '-', as in its address "
            "(/s/NAME)."
        )
    if access.target is Target.OPENSEARCH and access.space != DEFAULT_SPACE:
        raise UsageError(f"OpenSearch Dashboards has no spaces, so '{access.space}' cannot be one.")
