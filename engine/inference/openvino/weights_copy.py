"""The copy of a GGUF file that OpenVINO reads: matrices in 8 bits. Imports gguf and numpy.

OpenVINO's reader loses the offsets of 4-bit blocks (Q4_1: 3.87 nats a token in place of 3.60), and knows few
other kinds; Q8_0 it reads as it is.
"""

from pathlib import Path
from typing import Any

from gguf import GGMLQuantizationType
from gguf.quants import dequantize

from engine.storage import gguf_writer
from engine.storage.gguf_reader import GGUFReader

ARCHITECTURES = frozenset({"llama", "qwen2", "qwen3"})
"""Those that OpenVINO's reader knows."""
_READ_AS_THEY_ARE = frozenset({GGMLQuantizationType.Q8_0, GGMLQuantizationType.F16, GGMLQuantizationType.F32})


def readable(gguf: Path, copy: Path) -> Path:
    """Return a file with the same weights that OpenVINO can read: the file itself, or `copy`.

    `copy` is written if it is missing or older than the file (takes seconds). Raises ValueError if OpenVINO
    does not know the architecture, OSError if the copy cannot be written.
    """
    reader = GGUFReader(gguf)
    architecture = reader.get_field("general.architecture").contents()
    if architecture not in ARCHITECTURES:
        raise ValueError(f"OpenVINO does not read models of the architecture '{architecture}'")
    if reader.get_field("general.file_type") is not None and all(map(_is_read, reader.tensors)):
        return gguf
    if not copy.is_file() or copy.stat().st_mtime < gguf.stat().st_mtime:
        gguf_writer.rewrite(reader, copy, _in_8_bits)
    return copy


def _is_read(tensor: Any) -> bool:
    is_matrix = len(tensor.shape) > 1
    return tensor.tensor_type in _READ_AS_THEY_ARE and not (
        is_matrix and tensor.tensor_type == GGMLQuantizationType.F32
    )


def _in_8_bits(tensor: Any) -> Any:
    return None if _is_read(tensor) else dequantize(tensor.data, tensor.tensor_type)
