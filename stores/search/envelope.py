"""What goes around a request: who asks, what its body is, and whether that is compressed.

A secret that was read from a file is read again where the cluster does not know it, so that one that expires
can be replaced while mlmon runs.
"""

from __future__ import annotations

import gzip
from typing import Final

from mlmon.stores.search.access import Access

NDJSON: Final = "application/x-ndjson"
_LEVEL: Final = 1
"""A higher one costs twice the time and saves a few more of a hundred bytes."""


class Envelope:
    """Puts the headers of an access around bodies. Safe for several threads."""

    def __init__(self, access: Access) -> None:
        """Nothing is read; the access has its secret."""
        self._access = access

    @property
    def access(self) -> Access:
        """Who asks now."""
        return self._access

    def around(self, body: bytes | None, kind: str) -> tuple[bytes | None, dict[str, str]]:
        """The body as it goes over the wire, and its headers."""
        headers = self._access.headers()
        if body is None:
            return None, headers
        headers["content-type"] = kind
        if self._access.compress and kind == NDJSON:
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, _LEVEL, mtime=0)
        return body, headers

    def renewed(self) -> Access:
        """The access with its secret read again, which is used from now on."""
        self._access = self._access.renewed()
        return self._access
