"""The reference texts, on which every model's loss is measured, so that two models can be compared by it."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from openai.types.fine_tuning import FineTuningJob

ReferenceExamples = Callable[[], Sequence[Mapping[str, Any]]]
"""Returns the reference texts as chats of a training file. Raises UserError if they cannot be read."""


@dataclass(frozen=True, slots=True)
class ReferenceLoss:
    """The loss on the reference texts before and after a training, in nats a token.

    reference names the texts and the untuned model: losses are comparable if both are the same.
    """

    before: float
    after: float
    reference: str

    @property
    def metrics(self) -> dict[str, Any]:
        """Return what is kept of the new model."""
        return {"reference_loss": self.after, "reference": self.reference}

    @property
    def metrics_before(self) -> dict[str, Any]:
        """Return what is kept of the model that was trained further."""
        return {"reference_loss": self.before, "reference": self.reference}


def reference_loss(remote: FineTuningJob, reference: str) -> ReferenceLoss | None:
    """Return what the server measured on the reference texts, None if it measured nothing."""
    measured: Any = (remote.model_extra or {}).get("reference_loss")
    with suppress(KeyError, TypeError, ValueError):
        return ReferenceLoss(float(measured["before"]), float(measured["after"]), reference)
    return None
