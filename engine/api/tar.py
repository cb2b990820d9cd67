"""Stream files as a tar archive without holding them in memory."""

import asyncio
import os
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

_CHUNK_BYTES = 1 << 20


class TarStream:
    """Files as one uncompressed archive without folders; use as `with`.

    All files are opened first, so that one deleted in the meantime is still sent completely.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files. Raises OSError."""
        with ExitStack() as stack:
            self._files = [(path.name, stack.enter_context(path.open("rb"))) for path in paths]
            self._stack = stack.pop_all()
        self._sizes = [os.fstat(file.fileno()).st_size for _, file in self._files]
        self.size = sum(tarfile.BLOCKSIZE + size + _padding(size) for size in self._sizes)
        self.size += 2 * tarfile.BLOCKSIZE
        """In bytes."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the archive in chunks of up to one mebibyte, read on another thread."""
        for (name, file), size in zip(self._files, self._sizes, strict=True):
            header = tarfile.TarInfo(name)
            header.size = size
            yield header.tobuf(tarfile.USTAR_FORMAT)
            while chunk := await asyncio.to_thread(file.read, _CHUNK_BYTES):
                yield chunk
            yield bytes(_padding(size))
        yield bytes(2 * tarfile.BLOCKSIZE)


def _padding(size: int) -> int:
    """Return how many bytes fill the last block of a file of `size` bytes."""
    return -size % tarfile.BLOCKSIZE
