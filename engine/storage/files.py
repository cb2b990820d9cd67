"""Uploaded files: a folder each, with the content as it came and meta.json written last."""

import shutil
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.errors import not_found
from engine.storage import atomic

MAX_BYTES = 512 * 1024 * 1024


class StoredFile(BaseModel):
    """OpenAI's file object."""

    id: str
    object: str = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = "processed"


class Files:
    """The uploaded files. Everything here is quick: bytes are moved, never read into memory."""

    def __init__(self, folder: Path) -> None:
        """Read what is there and sweep away uploads that a crash left unfinished."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._files: dict[str, StoredFile] = {}
        for place in sorted(folder.iterdir()):
            if (place / "meta.json").is_file():
                file = StoredFile.model_validate(atomic.read_json(place / "meta.json"))
                self._files[file.id] = file
            else:
                shutil.rmtree(place, ignore_errors=True)

    def begin(self) -> Path:
        """Return the path to write an upload to; `keep` or `drop` it afterwards."""
        place = self._folder / atomic.new_id("file")
        place.mkdir()
        return place / "content"

    def add(self, source: Path, filename: str, purpose: str) -> StoredFile:
        """Take in a file made here, which is moved."""
        content = self.begin()
        source.replace(content)
        return self.keep(content, filename, purpose)

    def keep(self, content: Path, filename: str, purpose: str = "fine-tune") -> StoredFile:
        """Take in a complete upload."""
        place = content.parent
        file = StoredFile(
            id=place.name,
            bytes=content.stat().st_size,
            created_at=int(time.time()),
            filename=filename,
            purpose=purpose,
        )
        atomic.write_json(place / "meta.json", file.model_dump())
        self._files[file.id] = file
        return file

    def drop(self, content: Path) -> None:
        """Forget an upload that was not completed."""
        shutil.rmtree(content.parent, ignore_errors=True)

    def get(self, file_id: str) -> StoredFile:
        """Return a file's description. Raises the 404 for one that is unknown."""
        if file_id not in self._files:
            raise not_found(f"No such File object: {file_id}", code="file_not_found", param="id")
        return self._files[file_id]

    def has(self, file_id: str) -> bool:
        """Tell whether there is such a file."""
        return file_id in self._files

    def path(self, file_id: str) -> Path:
        """Return where a file's content lies. Raises the 404 for one that is unknown."""
        return self._folder / self.get(file_id).id / "content"

    def delete(self, file_id: str) -> dict[str, Any]:
        """Remove a file. Raises the 404 for one that is unknown."""
        place = self.path(file_id).parent
        del self._files[file_id]
        # the description first: without it the rest is swept away at the next start
        (place / "meta.json").unlink()
        shutil.rmtree(place, ignore_errors=True)
        return {"id": file_id, "object": "file", "deleted": True}

    def all(self, purpose: str | None = None) -> list[StoredFile]:
        """Return all files, or those of one purpose, the newest first."""
        return [file for file in reversed(self._files.values()) if purpose in {None, file.purpose}]
