"""What the programs print, in files of bounded size."""

import os
from pathlib import Path

MAX_BYTES = 10 * 1024 * 1024
KEPT = 4


class LogFile:
    """Appends to `path`; past MAX_BYTES it becomes `path.1`, the one before `path.2`, up to KEPT old ones."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, kept: int = KEPT) -> None:
        self.path, self.max_bytes, self.kept = path, max_bytes, kept
        path.parent.mkdir(parents=True, exist_ok=True)
        self._open()

    def _open(self) -> None:
        self._descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
        self._size = os.fstat(self._descriptor).st_size

    def write(self, data: bytes) -> None:
        """Raises OSError when the disk is full."""
        if self._size and self._size + len(data) > self.max_bytes:
            self._rotate()
        os.write(self._descriptor, data)
        self._size += len(data)

    def _rotate(self) -> None:
        os.close(self._descriptor)
        for number in range(self.kept - 1, 0, -1):
            older = self._numbered(number)
            if older.exists():
                older.replace(self._numbered(number + 1))
        self.path.replace(self._numbered(1))
        self._open()

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def tail(self, lines: int = 15) -> str:
        """The last lines, for a message about what went wrong."""
        with self.path.open("rb") as file:
            file.seek(max(0, self._size - 16_384))
            return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])

    def close(self) -> None:
        os.close(self._descriptor)
