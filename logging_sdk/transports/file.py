"""JSON lines in a file, for an agent that reads it, or for a look at what would be sent."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from mlmon.logging_sdk.transport import Receipt, UnavailableError


class FileTransport:
    """Appends to a file, and opens it anew where another program has moved it away."""

    is_acknowledged = True

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._file: int | None = None

    def send(self, records: Sequence[bytes]) -> Receipt:
        """Append a batch.

        Raises:
            UnavailableError: the file cannot be written; what was written of the batch is written again.

        """
        data = memoryview(b"".join(record + b"\n" for record in records))
        try:
            file = self._open()
            while data:
                data = data[os.write(file, data) :]
        except OSError as error:
            self.close()
            raise UnavailableError(f"The file {self._path} cannot be written: {error.strerror}.") from error
        return Receipt()

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _open(self) -> int:
        if self._file is not None and not self._is_same(self._file):
            self.close()
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        return self._file

    def _is_same(self, file: int) -> bool:
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False
