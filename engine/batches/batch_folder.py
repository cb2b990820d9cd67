"""Batches on disk: a folder for each, with batch.json and, while it is answered, its results."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from io import BufferedRandom
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ValidationError

from engine.batches.schema import Batch
from engine.storage import atomic, record


class _ResultLine(BaseModel):
    custom_id: str


class BatchFolder:
    """Reads and writes one batch."""

    def __init__(self, path: Path) -> None:
        """Refer to a folder, which the first `save` creates."""
        self._path = path
        self.output = path / "output.jsonl"
        """The answers."""
        self.errors = path / "errors.jsonl"
        """The requests without an answer."""

    def save(self, batch: Batch) -> None:
        """Write the batch. Raises OSError."""
        self._path.mkdir(parents=True, exist_ok=True)
        atomic.write_json(self._path / "batch.json", batch.model_dump() | {"request_id": batch.request_id})

    def load(self) -> Batch | None:
        """Return the batch; None if a crash prevented its first save, or if its file is damaged."""
        if not (self._path / "batch.json").is_file():
            return None
        return record.read(self._path / "batch.json", Batch)

    def delete_results(self) -> None:
        """Delete the results, once they are published as files."""
        for path in (self.output, self.errors):
            path.unlink(missing_ok=True)


class Results:
    """The results of a batch as they come, in the order they came. A line that a crash cut is removed."""

    def __init__(self, output: BufferedRandom, errors: BufferedRandom) -> None:
        self._output = output
        self._errors = errors
        self._completed = _complete_lines(output)
        self._failed = _complete_lines(errors)

    @classmethod
    @contextmanager
    def open(cls, folder: BatchFolder) -> Iterator[Self]:
        """Open the results of a folder, which may have none yet. Raises OSError."""
        with ExitStack() as stack:
            files = [stack.enter_context(path.open("a+b")) for path in (folder.output, folder.errors)]
            yield cls(*files)

    @property
    def completed(self) -> int:
        """Number of answers."""
        return len(self._completed)

    @property
    def failed(self) -> int:
        """Number of requests without an answer."""
        return len(self._failed)

    def __contains__(self, custom_id: str) -> bool:
        """Return whether a request has its result."""
        return custom_id in self._completed or custom_id in self._failed

    def add_answer(self, line: dict[str, Any]) -> None:
        """Write an answer. Raises OSError."""
        _write(self._output, line)
        self._completed.add(line["custom_id"])

    def add_error(self, line: dict[str, Any]) -> None:
        """Write why a request has no answer. Raises OSError."""
        _write(self._errors, line)
        self._failed.add(line["custom_id"])


class BatchStore:
    """All batches, in memory and on disk."""

    def __init__(self, data: Path) -> None:
        """Read the batches below `data`."""
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        loaded = (BatchFolder(path).load() for path in sorted(data.iterdir()))
        self.batches: dict[str, Batch] = {batch.id: batch for batch in loaded if batch}
        """By id, the oldest first."""

    def folder(self, batch: Batch) -> BatchFolder:
        """Return a batch's folder."""
        return BatchFolder(self._data / batch.id)

    def add(self, batch: Batch) -> None:
        """Add a new batch. Raises OSError if it cannot be written."""
        self.save(batch)
        self.batches[batch.id] = batch

    def save(self, batch: Batch) -> None:
        """Save a batch. Raises OSError."""
        self.folder(batch).save(batch)


def _complete_lines(file: BufferedRandom) -> set[str]:
    """Return the ids of a file's results, and cut it off behind the last complete one."""
    ids, end = set(), 0
    file.seek(0)
    with suppress(ValidationError):
        for line in file:
            custom_id = _ResultLine.model_validate_json(line).custom_id
            if not line.endswith(b"\n"):
                break
            ids.add(custom_id)
            end += len(line)
    file.truncate(end)
    return ids


def _write(file: BufferedRandom, line: dict[str, Any]) -> None:
    file.write(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    file.flush()
