"""A tar archive as it goes out: files one after the other, never whole in memory."""

import asyncio
import os
import tarfile
from collections.abc import AsyncIterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

_PIECE = 1 << 20  # bytes


class Tar:
    """Files as an uncompressed archive without folders; use as `with`.

    All files are opened first: what is deleted meanwhile still goes out whole.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        """Open the files. Raises OSError."""
        with ExitStack() as opened:
            self._files = [(path.name, opened.enter_context(path.open("rb"))) for path in paths]
            self._opened = opened.pop_all()
        self._sizes = [os.fstat(file.fileno()).st_size for _, file in self._files]
        self.size = sum(tarfile.BLOCKSIZE + size + _padding(size) for size in self._sizes)
        self.size += 2 * tarfile.BLOCKSIZE
        """In bytes."""

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the files."""
        self._opened.close()

    async def pieces(self) -> AsyncIterator[bytes]:
        """Return the archive in pieces of up to a mebibyte, read in another thread."""
        for (name, file), size in zip(self._files, self._sizes, strict=True):
            header = tarfile.TarInfo(name)
            header.size = size
            yield header.tobuf(tarfile.USTAR_FORMAT)
            while piece := await asyncio.to_thread(file.read, _PIECE):
                yield piece
            yield bytes(_padding(size))
        yield bytes(2 * tarfile.BLOCKSIZE)


def _padding(size: int) -> int:
    """How many bytes a file of `size` lacks to full blocks."""
    return -size % tarfile.BLOCKSIZE
