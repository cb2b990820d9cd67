"""The models this engine answers for: the base, and the tuned ones on disk."""

import re
import shutil
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from engine import disk
from engine.errors import ApiError, not_found
from engine.weights import Weights


class Tuned(BaseModel):
    """The manifest of a tuned model, written last: where it lies, the model beside it is complete."""

    id: str
    base: str
    job: str
    created: int
    trained_tokens: int
    hyperparameters: dict[str, float]
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
                tuned = Tuned.model_validate(disk.read_json(place / "manifest.json"))
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

    def add(self, tuned: Tuned) -> None:
        """Take in a model whose files are complete."""
        disk.write_json(self.place(tuned.id) / "manifest.json", tuned.model_dump())
        self._tuned[tuned.id] = tuned

    def delete(self, model: str) -> None:
        """Remove a tuned model with its files; the base stays. Raises ApiError."""
        if model == self.base.id:
            raise ApiError(
                403, "The base model cannot be deleted.", code="model_not_deletable", param="model"
            )
        self.path(model)
        del self._tuned[model]
        self.clear(model)

    def clear(self, model: str) -> None:
        """Make room where a tuned model will be written: nothing, or nothing complete, is left there."""
        (self.place(model) / "manifest.json").unlink(missing_ok=True)
        shutil.rmtree(self.place(model), ignore_errors=True)

    def describe(self, model: str) -> dict[str, Any]:
        """Return OpenAI's model object. Raises the 404 for one that is unknown."""
        self.path(model)
        created = self._tuned[model].created if model in self._tuned else int(self.base.path.stat().st_mtime)
        return {"id": model, "object": "model", "created": created, "owned_by": "herosmith-engine"}

    def all(self) -> dict[str, Any]:
        """Return OpenAI's list of models, the base first."""
        return {"object": "list", "data": [self.describe(model) for model in (self.base.id, *self._tuned)]}


def _loaded_from(place: Path) -> Path:
    merged = place / "model.gguf"
    return merged if merged.is_file() else place / "adapter"
