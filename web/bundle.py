"""Vega, Vega-Lite and vega-embed as one script, from the package that carries them."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from threading import Lock

import vl_convert

_SNIPPET = "window.vegaEmbed = vegaEmbed;"
_LOCK = Lock()


@lru_cache(maxsize=1)
def _made() -> str:
    text: str = vl_convert.javascript_bundle(_SNIPPET)
    # Safe inside an HTML script element as well.
    return text.replace("</script", r"<\/script").replace("<!--", r"<\!--")


def script() -> str:
    """The script, which sets `window.vegaEmbed`. Made once, in about a second; safe from several threads."""
    with _LOCK:
        return _made()


@lru_cache(maxsize=1)
def tag() -> str:
    """A word that changes when the script does, so that a browser may keep it for good."""
    return hashlib.blake2b(script().encode(), digest_size=8).hexdigest()
