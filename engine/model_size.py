"""The size of a base model, read from its files without loading it."""

import json
import math
import struct
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

_HEADER_LENGTH = struct.Struct("<Q")  # of a safetensors file, before its header


@dataclass(frozen=True)
class ModelSize:
    """What decides how much memory a training takes."""

    parameters: int
    layers: int
    width: int
    """Numbers of a token's vector between two layers."""
    vocabulary: int

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return the size of a GGUF file or a Hugging Face folder; a GGUF file takes seconds, once.

        Raises OSError or ValueError if it cannot be read.
        """
        return cls(*_read_folder(path)) if path.is_dir() else cls(*_read_gguf(path))


@lru_cache(maxsize=4)
def _read_gguf(path: Path) -> tuple[int, int, int, int]:
    from engine.storage.gguf_reader import GGUFReader  # noqa: PLC0415  numpy, not before it is needed

    reader = GGUFReader(path)
    architecture = _field(reader, "general.architecture")
    return (
        sum(int(tensor.n_elements) for tensor in reader.tensors),
        int(_field(reader, f"{architecture}.block_count")),
        int(_field(reader, f"{architecture}.embedding_length")),
        len(reader.fields["tokenizer.ggml.tokens"].data),
    )


def _field(reader: Any, name: str) -> Any:
    field = reader.get_field(name)
    if field is None:
        raise ValueError(f"the file does not say {name}")
    return field.contents()


def _read_folder(folder: Path) -> tuple[int, int, int, int]:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    return (
        sum(map(_count_parameters, folder.glob("*.safetensors"))),
        # GPT-2 and its kin have names of their own
        int(config.get("num_hidden_layers") or config.get("n_layer") or 0),
        int(config.get("hidden_size") or config.get("n_embd") or 0),
        int(config.get("vocab_size") or 0),
    )


def _count_parameters(path: Path) -> int:
    with path.open("rb") as file:
        beginning = file.read(_HEADER_LENGTH.size)
        if len(beginning) < _HEADER_LENGTH.size:
            raise ValueError(f"{path.name} is cut short")
        (length,) = _HEADER_LENGTH.unpack(beginning)
        if length > path.stat().st_size:
            raise ValueError(f"{path.name} is not a safetensors file")
        tensors = json.loads(file.read(length))
    try:
        return sum(math.prod(tensor["shape"]) for name, tensor in tensors.items() if name != "__metadata__")
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path.name} does not say the shapes of its tensors") from error
