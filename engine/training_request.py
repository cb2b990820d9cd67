"""The contract between the engine and its trainer process: the request, and the results it sends back."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from engine.model_size import ModelSize

REQUEST_FILE = "order.json"
"""The request's file in the job folder. The name is that of version 0.1, whose folders must stay readable."""

MethodName = Literal["supervised", "dpo", "kto"]

TrainedWeights = Literal["all", "adapter"]
"""What a training changes: all weights of the model, or a LoRA adapter beside them."""


class TrainingError(Exception):
    """A training that cannot start or go on; the text is for the client that created the job."""


class TrainingRequest(BaseModel):
    """What to train on which files, and where to write the model."""

    base_id: str
    base: Path
    size: ModelSize
    """Of the base."""
    start: Path | None
    """The folder of the tuned model to start from; None for the base."""
    weights: TrainedWeights
    unpacked: Path
    """The folder that caches the base in the format transformers loads fastest."""
    method: MethodName
    training_tokens: Path
    """The examples' token ids, as engine/jobs/encoding.py writes them."""
    validation_tokens: Path | None
    reference_tokens: Path | None = None
    """Conversations on which the model is measured before and after the training; nothing is learned."""
    out: Path
    """The tuned model's folder; `checkpoint` names those of its checkpoints."""
    state: Path
    """The training state, saved regularly; if the file exists, the training resumes from it."""
    losses: Path
    """The CSV file for the losses."""
    n_epochs: int
    batch_size: int
    learning_rate_multiplier: float
    beta: float | None = None
    supervised_weight: float | None = None
    desirable_weight: float | None = None
    undesirable_weight: float | None = None
    lora_rank: int | None = None
    """Of a new adapter, or of the one that the training goes on with; None if all weights are trained."""
    lora_rs: bool | None = None
    picks_epoch: bool = False
    """Whether the model is that of the epoch with the lowest held-out loss, and not always the last one's."""
    seed: int
    max_length: int
    """Tokens of an example, prompt and completion together."""
    longest_example: int = 0
    """The most tokens of an example in the training file that are computed at once; 0 if it is unknown."""

    def checkpoint(self, step: int) -> Path:
        """Return the folder of the checkpoint after a step."""
        return self.out.with_name(f"{self.out.name}_{checkpoint_suffix(step)}")


def checkpoint_suffix(step: int) -> str:
    """Return what the name of a checkpoint adds to the name of its model."""
    return f"ckpt-step-{step}"


class ReferenceLoss(BaseModel):
    """Mean loss on the reference file, in nats per learned token; None until it is measured."""

    before: float
    """Of the model that the training starts from."""
    after: float | None = None
    """Of the model that it makes."""


class TrainingResult(BaseModel):
    """A finished training. `valid_loss` holds held-out losses by step, empty without a validation file.

    `step` and `epoch` (both from 1) are those after which the model was saved.
    """

    step: int
    epoch: int | None = None
    trained_tokens: int
    valid_loss: dict[str, float]
    train_loss: float
    reference_loss: ReferenceLoss | None = None


class Checkpoint(TrainingResult):
    """A model saved during the training, complete in its folder."""
