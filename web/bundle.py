"""Vega, Vega-Lite and vega-embed as one script, from the package that carries them.

Making it takes more than a second of a core with the interpreter's lock held. So another process makes it,
once for each version of that package, and it is kept in the user's cache folder.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import subprocess
import sys
import tempfile
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock
from typing import Final

CACHE_VARIABLE: Final = "XDG_CACHE_HOME"
_PACKAGE: Final = "vl-convert-python"
_SNIPPET: Final = "window.vegaEmbed = vegaEmbed;"
_PATIENCE_S: Final = 120
_END: Final = "\n//whole\n"
"""The last line of a script that is all there."""

_LOCK = Lock()


def script() -> str:
    """The script, which sets `window.vegaEmbed`. Safe from several threads, which wait while it is made."""
    with _LOCK:
        return _script()


@lru_cache(maxsize=1)
def zipped() -> bytes:
    """The same in gzip, for browsers."""
    return gzip.compress(script().encode(), mtime=0)


@lru_cache(maxsize=1)
def tag() -> str:
    """A word that changes when the script does, known before it is made, so that a browser may keep it."""
    return hashlib.blake2b(f"{version(_PACKAGE)}{_SNIPPET}".encode(), digest_size=8).hexdigest()


@lru_cache(maxsize=1)
def _script() -> str:
    path = _kept_at()
    kept = _read(path)
    if kept is None:
        kept = _made_apart() or _made()
        _keep(path, kept)
    return kept


def _kept_at() -> Path:
    root = os.environ.get(CACHE_VARIABLE) or "~/.cache"
    return Path(root).expanduser() / "mlmon" / f"vega-{tag()}.js"


def _read(path: Path) -> str | None:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    return text if text.endswith(_END) else None


def _keep(path: Path, text: str) -> None:
    """Write it whole under another name and rename it; a cache that cannot be written is done without."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with tempfile.NamedTemporaryFile("w", dir=path.parent, encoding="utf-8", delete=False) as draft:
            draft.write(text)
        Path(draft.name).replace(path)
    except OSError:
        return


def _made_apart() -> str | None:
    """Made by another process, while this one goes on answering; None where that did not work."""
    command = [sys.executable, "-m", "mlmon.web.bundle"]
    try:
        done = subprocess.run(command, capture_output=True, timeout=_PATIENCE_S, check=False)  # noqa: S603 - ourselves
    except (OSError, subprocess.SubprocessError):
        return None
    text = done.stdout.decode(errors="replace")
    return text if text.endswith(_END) else None


def _made() -> str:
    import vl_convert  # noqa: PLC0415 - only where it is made, since loading it costs memory

    text: str = vl_convert.javascript_bundle(_SNIPPET)
    # Safe inside an HTML script element as well.
    return text.replace("</script", r"<\/script").replace("<!--", r"<\!--") + _END


if __name__ == "__main__":
    sys.stdout.buffer.write(_made().encode())
