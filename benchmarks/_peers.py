"""Peers that pin other releases than ours live in environments of their own, made when first asked for.

They are kept in `MLMON_PEERS`, else in `mlmon/peers` of the user's cache folder, and made again when what
they are to hold changes. Nothing of ours depends on them.
"""

import hashlib
import json
import os
import subprocess
import sys
import venv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

_QUIET = {
    "NML_DISABLE_USAGE_LOGGING": "1",  # else NannyML tells its makers of each call
    "DO_NOT_TRACK": "1",
    "OMP_NUM_THREADS": "1",
}


def folder() -> Path:
    """Where the environments are kept."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("MLMON_PEERS") or cache / "mlmon" / "peers")


def python(name: str, requirements: Sequence[str]) -> Path:
    """The interpreter of a peer's environment, which is built where it is not there yet."""
    wanted = hashlib.sha256("\n".join([sys.version, *requirements]).encode()).hexdigest()
    home = folder() / name
    interpreter, stamp = home / "bin" / "python", home / "made-of"
    if not stamp.exists() or stamp.read_text() != wanted:
        venv.create(home, clear=True, with_pip=True)
        install = [str(interpreter), "-m", "pip", "install", "--quiet", *requirements]
        subprocess.run(install, check=True)  # noqa: S603 - our own requirements
        stamp.write_text(wanted)
    return interpreter


def told(interpreter: Path, script: Path, *arguments: str) -> dict[str, Any]:
    """Run a script in a peer's environment, and read the last line of its output as JSON."""
    command = [str(interpreter), str(script), *arguments]
    done = subprocess.run(  # noqa: S603 - our own script
        command, check=True, capture_output=True, text=True, env=os.environ | _QUIET
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer
