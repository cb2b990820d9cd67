"""Read GGUF files in a third of the time. Imports gguf and numpy."""

from pathlib import Path
from typing import Any

import gguf
import numpy as np


class GGUFReader(gguf.GGUFReader):  # type: ignore[misc]  # gguf has no types
    """gguf's reader on a plain array.

    gguf slices a numpy.memmap for each word of the vocabulary, and each slice becomes a memmap object. For
    the packaged weights' 100,000 words that takes 2.4 s of processor time, from a plain array 0.75 s.
    """

    def __init__(self, path: Path) -> None:
        """Read a file's head. Raises OSError if it cannot be read, and ValueError if it is damaged."""
        try:
            super().__init__(path)
        except OSError:
            raise
        except Exception as error:  # gguf and numpy meet the damage of a file in many ways
            raise ValueError(f"{path.name} is damaged, or is no GGUF file: {error}") from error

    @property
    def data(self) -> Any:
        """The bytes of the file, mapped."""
        return self._plain

    @data.setter
    def data(self, mapped: Any) -> None:
        self._plain = mapped.view(np.ndarray)
