"""What the engine and its trainer say to each other."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

MethodName = Literal["supervised", "dpo"]


class OrderError(Exception):
    """An order that cannot be carried out; the text is meant for the one who ordered."""


class Order(BaseModel):
    """What to train on what, and where to put it."""

    base_id: str
    base: Path
    start: Path | None
    """The adapter of the tuned model that is trained further."""
    unpacked: Path
    """Where the base is kept as transformers reads it fastest."""
    method: MethodName
    training_file: Path
    validation_file: Path | None
    out: Path
    """The tuned model's folder; those of its checkpoints are called after it."""
    state: Path
    """Where the training is put down now and then; if it is there, the training goes on from it."""
    losses: Path
    """Where the losses go, as CSV."""
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None
    seed: int
    longest: int
    """In tokens, prompt and answer together."""

    def checkpoint(self, step: int) -> Path:
        """Return the folder of the model as it is after a step."""
        return self.out.with_name(f"{self.out.name}_{checkpoint_suffix(step)}")


def checkpoint_suffix(step: int) -> str:
    """Return what a checkpoint's name adds to that of its model."""
    return f"ckpt-step-{step}"


class Done(BaseModel):
    """What came of an order. `valid_loss` holds held-out losses by step, empty without a validation file."""

    step: int
    trained_tokens: int
    valid_loss: dict[str, float]
    train_loss: float


class Checkpoint(Done):
    """A model on the way: usable, and complete in its folder."""
