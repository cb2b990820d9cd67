"""Read GGUF files in a third of the time. Imports gguf and numpy."""

from typing import Any

import gguf
import numpy as np


class GGUFReader(gguf.GGUFReader):  # type: ignore[misc]  # gguf has no types
    """gguf's reader on a plain array.

    gguf slices a numpy.memmap for each word of the vocabulary, and each slice becomes a memmap object. For
    the packaged weights' 100,000 words that takes 2.4 s of processor time, from a plain array 0.75 s.
    """

    @property
    def data(self) -> Any:
        """The bytes of the file, mapped."""
        return self._plain

    @data.setter
    def data(self, mapped: Any) -> None:
        self._plain = mapped.view(np.ndarray)
