"""The models that the engine serves: the base, and the tuned models on disk."""

import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.errors import ApiError, not_found
from engine.hyperparameters import Adapter
from engine.storage import atomic, record
from engine.storage.weights import Weights
from engine.training_request import ReferenceLoss, TrainedWeights

MANIFEST = "manifest.json"
"""The file in a tuned model's folder that says what it is. It is written last."""
_SHOWN_NAMES = 10  # of tuned models, in a refusal of an unknown one


class TunedModel(BaseModel):
    """The manifest of a tuned model. It is written last, so a folder that has one is complete."""

    id: str
    base: str
    job: str
    created: int
    trained_tokens: int
    weights: TrainedWeights = "adapter"
    """What was tuned; all models of version 0.2 and before are adapters."""
    hyperparameters: dict[str, float]
    step: int | None = None
    """The step of its job after which it was saved, and the loss of that step."""
    train_loss: float | None = None
    is_checkpoint: bool = False
    valid_loss: dict[str, float]
    """Held-out loss by step: `0` is the base, `step` the tuned model. Empty without held-out data."""
    reference_loss: ReferenceLoss | None = None

    @property
    def adapter(self) -> Adapter | None:
        """Its adapter; None if all weights were trained."""
        if self.weights == "all":
            return None
        plain, numbers = Adapter(), self.hyperparameters  # those before version 0.2 are plain
        return Adapter(int(numbers.get("lora_rank", plain.rank)), bool(numbers.get("lora_rs", plain.rs)))


class ModelStore:
    """The catalogue. A tuned model is a folder with manifest.json, model.gguf and, if it has one, adapter/.

    If the base is a Hugging Face folder, there is no model.gguf: the adapter is merged at each loading, and a
    model without one has all its weights in weights/.
    """

    def __init__(self, data: Path, base: Weights) -> None:
        """Read the manifests below `data`, and delete models that a crash left incomplete."""
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        self.base = base
        self._tuned: dict[str, TunedModel] = {}
        for folder in sorted(data.iterdir()):
            if (folder / MANIFEST).is_file():
                tuned = record.read(folder / MANIFEST, TunedModel)
                # without a file of its own it can only be served with its own base
                if tuned and (tuned.base == base.id or _loaded_from(folder).suffix == ".gguf"):
                    self._tuned[tuned.id] = tuned
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def folder(self, model: str) -> Path:
        """Return the folder of a tuned model, whether it exists or not."""
        return self._data / re.sub(r"[:/]", "_", model)

    def path(self, model: str) -> Path:
        """Return what to load for a model: a GGUF file, or a folder (of the base, or of a tuned model).

        Raises a 404 if the model is unknown.
        """
        if model == self.base.id:
            return self.base.path
        if model in self._tuned:
            return _loaded_from(self.folder(model))
        raise not_found(
            f"There is no model '{model}'. There are: {self._known_names()}.",
            code="model_not_found",
            param="model",
        )

    def _known_names(self) -> str:
        """Return the base and the newest tuned models, for who typed a name that is none."""
        tuned = [name for name, each in self._tuned.items() if not each.is_checkpoint]
        left_out = max(0, len(tuned) - _SHOWN_NAMES)
        more = [f"{left_out} more"] if left_out else []
        return ", ".join([self.base.id, *reversed(tuned[left_out:]), *more])

    def start(self, model: str) -> TunedModel | None:
        """Return the tuned model that a training of the model starts from; None for the base.

        Raises a 404 if the model is unknown, and a 400 if it has another base.
        """
        self.path(model)
        if model == self.base.id:
            return None
        if self._tuned[model].base != self.base.id:
            message = f"'{model}' was trained from '{self._tuned[model].base}', which is not the base now."
            raise ApiError(400, message, code="model_not_available", param="model")
        return self._tuned[model]

    def adapter(self, model: str) -> Path:
        """Return the folder of a tuned model's PEFT adapter.

        Raises a 404 if the model is unknown, and a 400 for one that has none.
        """
        self.path(model)
        if model not in self._tuned:
            raise _no_adapter(f"'{model}' is the base model: it has no adapter.")
        if self._tuned[model].weights != "adapter":
            raise _no_adapter(
                f"All weights of '{model}' were trained: it has no adapter. Train one with "
                '"weights": "adapter".'
            )
        return self.folder(model) / "adapter"

    def checkpoints(self, job: str) -> list[TunedModel]:
        """Return the models that a job saved, the latest first."""
        found = [tuned for tuned in self._tuned.values() if tuned.job == job and tuned.step is not None]
        return sorted(found, key=lambda tuned: tuned.step or 0, reverse=True)

    def add(self, tuned: TunedModel) -> None:
        """Add a model whose files are complete."""
        atomic.write_json(self.folder(tuned.id) / MANIFEST, tuned.model_dump())
        self._tuned[tuned.id] = tuned

    def deletable(self, model: str) -> list[str]:
        """Return the names of a tuned model and its checkpoints.

        Raises a 404 if the model is unknown, a 403 for the base.
        """
        if model == self.base.id:
            raise ApiError(
                403, "The base model cannot be deleted.", code="model_not_deletable", param="model"
            )
        self.path(model)
        return [name for name in self._tuned if name == model or name.startswith(f"{model}:")]

    def delete(self, model: str) -> dict[str, Path]:
        """Delete a tuned model and its checkpoints, and return the former `path` of each, by name.

        Raises what `deletable` raises.
        """
        deleted = {name: self.path(name) for name in self.deletable(model)}
        for name in deleted:
            del self._tuned[name]
            (self.folder(name) / MANIFEST).unlink(missing_ok=True)
        self.remove_incomplete(model)
        return deleted

    def has(self, model: str) -> bool:
        """Return whether the tuned model exists."""
        return model in self._tuned

    def get(self, model: str) -> TunedModel:
        """Return the manifest of a tuned model, which must exist."""
        return self._tuned[model]

    def remove_incomplete(self, model: str) -> None:
        """Delete incomplete folders of a model and its checkpoints."""
        for folder in self._data.glob(f"{self.folder(model).name}*"):
            if not (folder / MANIFEST).is_file():
                shutil.rmtree(folder, ignore_errors=True)

    def size(self, model: str) -> int:
        """Return the bytes on disk of a tuned model with its checkpoints; 0 for the base."""
        folders = [self.folder(name) for name in self._tuned if name == model or name.startswith(f"{model}:")]
        files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
        return sum(path.stat().st_size for path in files)

    def describe(self, model: str) -> dict[str, Any]:
        """Return OpenAI's model object. Raises a 404 if the model is unknown."""
        self.path(model)
        created = self._tuned[model].created if model in self._tuned else int(self.base.path.stat().st_mtime)
        return {"id": model, "object": "model", "created": created, "owned_by": "herosmith-engine"}

    def all(self) -> dict[str, Any]:
        """Return OpenAI's list of models, the base first, without checkpoints."""
        finished = [name for name, tuned in self._tuned.items() if not tuned.is_checkpoint]
        return {"object": "list", "data": [self.describe(model) for model in (self.base.id, *finished)]}


def _loaded_from(folder: Path) -> Path:
    gguf = folder / "model.gguf"
    return gguf if gguf.is_file() else folder


def _no_adapter(message: str) -> ApiError:
    return ApiError(400, message, code="no_adapter", param="model")
