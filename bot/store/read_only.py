"""Read an SQLite file that stays as it is: with its log, or as one that nobody has open.

To read a file that was closed, SQLite would make a log beside it. As an immutable one it needs none, but is
told that nobody writes: whoever opens the file meanwhile may change it under the reader's eyes. So that is
looked for in the end.
"""

from pathlib import Path
from urllib.parse import quote


class FileOpened(Exception):
    """A file was opened while it was read as one that nobody has open: what was read may be no one state."""


class FileReading:
    """How one connection reads a file."""

    def __init__(self, path: Path) -> None:
        self._files = (path, log_of(path))
        self._before = self._seen()
        self._has_log = self._before[1] is not None
        mode = "mode=ro" if self._has_log else "mode=ro&immutable=1"
        self.uri = f"file:{quote(str(path.absolute()))}?{mode}"

    def check(self) -> None:
        """Raise FileOpened if what the connection has read so far may be no state of the database."""
        if not self._has_log and self._seen() != self._before:
            raise FileOpened

    def _seen(self) -> list[tuple[int, int, int] | None]:
        return [
            (each.stat().st_ino, each.stat().st_mtime_ns, each.stat().st_size) if each.exists() else None
            for each in self._files
        ]


def log_of(path: Path) -> Path:
    """Return the file of the write-ahead log, which is there as long as somebody has the database open."""
    return path.with_name(f"{path.name}-wal")
