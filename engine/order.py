"""What the engine and its trainer say to each other."""

from pathlib import Path

from pydantic import BaseModel


class OrderError(Exception):
    """An order that cannot be carried out; the text is meant for the one who ordered."""


class Order(BaseModel):
    """What to train on what, and where to put it. `longest` is in tokens."""

    base_id: str
    base: Path
    training_file: Path
    validation_file: Path | None
    out: Path
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    seed: int
    longest: int


class Done(BaseModel):
    """What came of an order. `valid_loss` holds held-out losses by step, empty without a validation file."""

    trained_tokens: int
    valid_loss: dict[str, float]
