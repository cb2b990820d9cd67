"""The models this engine answers for: the base, and the tuned ones on disk."""

import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine.errors import ApiError, not_found
from engine.storage import atomic
from engine.storage.weights import Weights


class Tuned(BaseModel):
    """The manifest of a tuned model, written last: where it lies, the model beside it is complete."""

    id: str
    base: str
    job: str
    created: int
    trained_tokens: int
    hyperparameters: dict[str, float]
    step: int | None = None
    """After which step of its job it was made, and the loss of that step."""
    train_loss: float | None = None
    is_checkpoint: bool = False
    valid_loss: dict[str, float]
    """Held-out loss by step: `0` is the base, the last step the tuned model. Empty without held-out data."""


class Models:
    """The catalogue. A tuned model is a folder with manifest.json, adapter/ (PEFT) and model.gguf.

    Tuned from a Hugging Face folder it has no model.gguf: the adapter is merged whenever it is loaded.
    """

    def __init__(self, folder: Path, base: Weights) -> None:
        """Read the manifests below `folder` and sweep away what a crash left unfinished."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self.base = base
        self._tuned: dict[str, Tuned] = {}
        for place in sorted(folder.iterdir()):
            if (place / "manifest.json").is_file():
                tuned = Tuned.model_validate(atomic.read_json(place / "manifest.json"))
                # an adapter alone is no model without its base; it waits for that to come back
                if tuned.base == base.id or _loaded_from(place).suffix == ".gguf":
                    self._tuned[tuned.id] = tuned
            else:
                shutil.rmtree(place, ignore_errors=True)

    def place(self, model: str) -> Path:
        """Return the folder of a tuned model, there or not yet."""
        return self._folder / re.sub(r"[:/]", "_", model)

    def path(self, model: str) -> Path:
        """Return a model's GGUF file or Hugging Face folder, or the adapter to be laid over the base's.

        Raises the 404 of OpenAI for one that is unknown.
        """
        if model == self.base.id:
            return self.base.path
        if model in self._tuned:
            return _loaded_from(self.place(model))
        raise not_found(f"The model '{model}' does not exist.", code="model_not_found", param="model")

    def start_of(self, model: str) -> Path | None:
        """Return the adapter from which a model is trained further; None for the base.

        Raises the 404 for one that is unknown, and a 400 for one of another base.
        """
        self.path(model)
        if model == self.base.id:
            return None
        if self._tuned[model].base != self.base.id:
            message = f"'{model}' was tuned from '{self._tuned[model].base}', which is not the base now."
            raise ApiError(400, message, code="model_not_available", param="model")
        return self.place(model) / "adapter"

    def adapter(self, model: str) -> Path:
        """Return the folder of a tuned model's PEFT adapter, whatever base it was tuned from.

        Raises the 404 for a model that is unknown, and a 400 for the base, which has none.
        """
        self.path(model)
        if model not in self._tuned:
            raise ApiError(
                400, f"'{model}' is the base model: it has no adapter.", code="no_adapter", param="model"
            )
        return self.place(model) / "adapter"

    def checkpoints(self, job: str) -> list[Tuned]:
        """Return the models that were made in a job, the latest first."""
        found = [tuned for tuned in self._tuned.values() if tuned.job == job and tuned.step is not None]
        return sorted(found, key=lambda tuned: tuned.step or 0, reverse=True)

    def add(self, tuned: Tuned) -> None:
        """Take in a model whose files are complete."""
        atomic.write_json(self.place(tuned.id) / "manifest.json", tuned.model_dump())
        self._tuned[tuned.id] = tuned

    def delete(self, model: str) -> dict[str, Path]:
        """Remove a tuned model, with its checkpoints and their files; the base stays.

        Returns the paths they were loaded from by their names. Raises ApiError.
        """
        if model == self.base.id:
            raise ApiError(
                403, "The base model cannot be deleted.", code="model_not_deletable", param="model"
            )
        self.path(model)
        gone = {
            name: self.path(name) for name in self._tuned if name == model or name.startswith(f"{model}:")
        }
        for name in gone:
            del self._tuned[name]
            (self.place(name) / "manifest.json").unlink(missing_ok=True)
        self.sweep(model)
        return gone

    def has(self, model: str) -> bool:
        """Tell whether there is such a tuned model."""
        return model in self._tuned

    def sweep(self, model: str) -> None:
        """Remove what is incomplete where a model and its checkpoints are written."""
        for place in self._folder.glob(f"{self.place(model).name}*"):
            if not (place / "manifest.json").is_file():
                shutil.rmtree(place, ignore_errors=True)

    def describe(self, model: str) -> dict[str, Any]:
        """Return OpenAI's model object. Raises the 404 for one that is unknown."""
        self.path(model)
        created = self._tuned[model].created if model in self._tuned else int(self.base.path.stat().st_mtime)
        return {"id": model, "object": "model", "created": created, "owned_by": "herosmith-engine"}

    def all(self) -> dict[str, Any]:
        """Return OpenAI's list of models, the base first. Checkpoints are listed with their jobs."""
        finished = [name for name, tuned in self._tuned.items() if not tuned.is_checkpoint]
        return {"object": "list", "data": [self.describe(model) for model in (self.base.id, *finished)]}


def _loaded_from(place: Path) -> Path:
    merged = place / "model.gguf"
    return merged if merged.is_file() else place / "adapter"
