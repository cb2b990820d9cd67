"""Losses: how a training went, step by step, as far as the server measured it."""

import base64
import binascii
import csv
import io
import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from openai.types.fine_tuning import FineTuningJobEvent


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss in nats a token by step: of the batches that were learnt, and of the texts that were held out.

    Step 0 of the latter is the model before its training.
    """

    train: dict[int, float] = field(default_factory=dict)
    valid: dict[int, float] = field(default_factory=dict)

    @property
    def held_out(self) -> dict[str, float]:
        """The held-out loss before and after the training, as far as it was measured."""
        if not self.valid:
            return {}
        after = {"loss_after": self.valid[max(self.valid)]}
        return {"loss_before": self.valid[0], **after} if 0 in self.valid and len(self.valid) > 1 else after


def data_of(event: FineTuningJobEvent) -> dict[str, Any]:
    return event.data if isinstance(event.data, dict) else {}


def from_events(events: Iterable[FineTuningJobEvent]) -> Losses:
    """Losses out of a training's metrics events, in whatever order they come."""
    losses = Losses()
    for data in map(data_of, events):
        _take(losses, data, valid="full_valid_loss")
    return losses


def from_csv(content: bytes) -> Losses:
    """Losses out of a result file: `step,train_loss,...,valid_loss`, plain or in base64."""
    if not content.startswith(b"step"):
        try:
            content = base64.b64decode(content, validate=True)
        except binascii.Error:
            return Losses()
    losses = Losses()
    for row in csv.DictReader(io.StringIO(content.decode("utf-8", "replace"))):
        valid = "full_valid_loss" if row.get("full_valid_loss") else "valid_loss"
        _take(losses, row, valid=valid)
    return losses


def _take(losses: Losses, row: dict[str, Any], *, valid: str) -> None:
    try:
        step = int(row["step"])
    except (KeyError, TypeError, ValueError):
        return
    for into, name in ((losses.train, "train_loss"), (losses.valid, valid)):
        try:
            value = float(row[name])
        except (KeyError, TypeError, ValueError):
            continue
        if math.isfinite(value):
            into[step] = value
