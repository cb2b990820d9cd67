"""Uploaded files: a folder for each, with its content and meta.json, which is written last."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.errors import not_found
from engine.ids import new_id
from engine.storage import atomic, record


class StoredFile(BaseModel):
    """OpenAI's file object (https://platform.openai.com/docs/api-reference/files/object)."""

    id: str
    object: str = "file"
    bytes: int
    created_at: int
    filename: str
    purpose: str
    status: str = "processed"


class FileStore:
    """The uploaded files. No call reads their content, so all are fast."""

    def __init__(self, data: Path) -> None:
        """Read the files below `data`, and delete uploads that a crash left incomplete."""
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        self._files: dict[str, StoredFile] = {}
        for folder in sorted(data.iterdir()):
            if (folder / "meta.json").is_file():
                if file := record.read(folder / "meta.json", StoredFile):
                    self._files[file.id] = file
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def begin_upload(self, file_id: str | None = None) -> Path:
        """Return the path to write an upload to; `commit` or `discard` it afterwards."""
        folder = self._data / (file_id or new_id("file"))
        folder.mkdir()
        return folder / "content"

    def add(self, source: Path, filename: str, purpose: str) -> StoredFile:
        """Move a local file into the store."""
        content = self.begin_upload()
        source.replace(content)
        return self.commit(content, filename, purpose)

    async def copy(self, source: Path, file_id: str, filename: str, purpose: str) -> None:
        """Copy a local file into the store under an id of its own, unless it is there already.

        The source is left, so that a crash at any time loses nothing. Raises OSError.
        """
        if self.has(file_id):
            return
        content = self.begin_upload(file_id)
        try:
            await asyncio.to_thread(shutil.copyfile, source, content)
            self.commit(content, filename, purpose)
        except BaseException:
            self.discard(content)
            raise

    def commit(self, content: Path, filename: str, purpose: str) -> StoredFile:
        """Add a complete upload."""
        folder = content.parent
        file = StoredFile(
            id=folder.name,
            bytes=content.stat().st_size,
            created_at=int(time.time()),
            filename=filename,
            purpose=purpose,
        )
        atomic.write_json(folder / "meta.json", file.model_dump())
        self._files[file.id] = file
        return file

    def discard(self, content: Path) -> None:
        """Delete an incomplete upload."""
        shutil.rmtree(content.parent, ignore_errors=True)

    def get(self, file_id: str) -> StoredFile:
        """Return a file object. Raises a 404 if it is unknown."""
        if file_id not in self._files:
            raise not_found(f"No such File object: {file_id}", code="file_not_found", param="id")
        return self._files[file_id]

    def has(self, file_id: str) -> bool:
        """Return whether the file exists."""
        return file_id in self._files

    def path(self, file_id: str) -> Path:
        """Return the path of a file's content. Raises a 404 if it is unknown."""
        return self._data / self.get(file_id).id / "content"

    def delete(self, file_id: str) -> dict[str, Any]:
        """Delete a file. Raises a 404 if it is unknown."""
        folder = self.path(file_id).parent
        del self._files[file_id]
        # meta.json first: a folder without it is deleted at the next start
        (folder / "meta.json").unlink()
        shutil.rmtree(folder, ignore_errors=True)
        return {"id": file_id, "object": "file", "deleted": True}

    def all(self, purpose: str | None = None) -> list[StoredFile]:
        """Return all files, or those of one purpose, the newest first."""
        return [file for file in reversed(self._files.values()) if purpose in {None, file.purpose}]
