"""Training states in another place than the shared folder: S3, or whatever else pyarrow writes to.

A job's folder keeps the address of its latest state. It is written once that state is complete, so no crash
leaves half a state to go on from.
"""

import secrets
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from engine.jobs.job_folder import JobFolder
from engine.storage import atomic
from engine.training.state_file import StateFile

_CHUNK_BYTES = 2**24


class StoreError(Exception):
    """A place for training states cannot be used; the message is a sentence."""


def check(uri: str) -> None:
    """Write and delete a file below `uri`, such as s3://bucket/folder. Raises StoreError."""
    try:
        files, folder = _place(f"{uri.rstrip('/')}/check-{secrets.token_hex(4)}")
        files.create_dir(folder)
        with files.open_output_stream(f"{folder}/state.pt") as out:
            out.write(b"a state")
        files.delete_dir(folder)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())
        raise StoreError(f"training states cannot be kept at {uri!r}: {reason}") from error


class StoredState(StateFile):
    """The state of one job, below an address, and a copy of it. Close it at the end."""

    def __init__(self, folder: Path, uri: str) -> None:
        """Keep the state of the job with this folder below `uri`, the address for all jobs."""
        super().__init__(Path(tempfile.mkdtemp(prefix="training-state-")) / "state.pt")
        self._address = JobFolder(folder).state_elsewhere
        self._place = f"{uri.rstrip('/')}/{folder.name}"

    def exists(self) -> bool:
        """Return whether the job's folder has the address of a state."""
        return self._address.is_file()

    def fetch(self) -> None:
        """Copy the latest state from its address. Raises OSError."""
        files, path = _place(_read(self._address))
        with files.open_input_stream(path) as source, self.path.open("wb") as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)

    def publish(self) -> None:
        """Copy it to a new address, and delete the one before. Raises OSError."""
        before = _read(self._address) if self.exists() else None
        uri = f"{self._place}/state-{secrets.token_hex(8)}.pt"
        files, path = _place(uri)
        files.create_dir(path.rpartition("/")[0])
        with self.path.open("rb") as source, files.open_output_stream(path) as target:
            shutil.copyfileobj(source, target, _CHUNK_BYTES)
        atomic.write_json(self._address, {"uri": uri})
        if before is not None:
            with suppress(OSError):  # it goes with the job
                files.delete_file(_place(before)[1])

    def close(self) -> None:
        """Delete the copy."""
        shutil.rmtree(self.path.parent, ignore_errors=True)


def take_address(folder: Path) -> str | None:
    """Return the address of the state of the job with this folder, and forget it; None if it has none."""
    address = JobFolder(folder).state_elsewhere
    if not address.is_file():
        return None
    uri = _read(address)
    address.unlink()
    return uri


def delete(uri: str) -> None:
    """Delete the state at an address, and what crashes have left beside it. Raises OSError and ValueError."""
    files, path = _place(uri)
    files.delete_dir(path.rpartition("/")[0])


def _read(address: Path) -> str:
    return str(atomic.read_json(address)["uri"])


def _place(uri: str) -> tuple[Any, str]:
    """Return the file system of an address, and the path there. Raises OSError and ValueError."""
    from pyarrow import fs  # noqa: PLC0415  (takes a while)

    if not urlsplit(uri).scheme:
        raise ValueError("it is no address such as s3://bucket/folder")
    found: tuple[Any, str] = fs.FileSystem.from_uri(uri)
    return found
