"""The losses of a training by step, read from events or a result file, and drawn as a chart."""

import base64
import binascii
import codecs
import csv
import io
import math
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from openai.types.fine_tuning import FineTuningJobEvent

from bot import palette
from bot.i18n.message import LocalizedMessage, Translator
from bot.store.job_schema import HeldOutLoss


@dataclass(frozen=True, slots=True)
class KeptEpoch:
    """Of how many epochs a model is, if a later one of the training had a higher held-out loss."""

    kept_epoch: int
    epochs: int


@dataclass(frozen=True, slots=True)
class Losses:
    """Loss in nats a token by step: of the training batches, and of the held-out texts.

    Step 0 of the held-out texts is the model before its training. kept_step: the step of the model, if it is
    not the last one; kept says of how many epochs it is then.
    """

    train: dict[int, float] = field(default_factory=dict)
    valid: dict[int, float] = field(default_factory=dict)
    kept: KeptEpoch | None = None
    kept_step: int | None = None

    @property
    def held_out(self) -> HeldOutLoss:
        """Return the held-out loss before and after the training, as far as it was measured."""
        if not self.valid:
            return {}
        last = self.valid[max(self.valid)]
        after = last if self.kept_step is None else self.valid.get(self.kept_step, last)
        if 0 in self.valid and len(self.valid) > 1:
            return {"loss_before": self.valid[0], "loss_after": after}
        return {"loss_after": after}


def event_data(event: FineTuningJobEvent) -> dict[str, Any]:
    return event.data if isinstance(event.data, dict) else {}


def losses_from_events(events: Iterable[FineTuningJobEvent]) -> Losses:
    """Read losses from metrics events, in any order."""
    losses = Losses()
    for data in map(event_data, events):
        _add(losses, data, valid="full_valid_loss")
        with suppress(KeyError, TypeError, ValueError):
            kept = KeptEpoch(int(data["kept_epoch"]), int(data["epochs"]))
            losses = replace(losses, kept=kept, kept_step=int(data["step"]))
    return losses


def losses_from_csv(content: bytes) -> Losses:
    """Read losses from a result file: CSV with `step,train_loss,...,valid_loss`, plain or in base64."""
    if not content.removeprefix(codecs.BOM_UTF8).startswith(b"step"):
        try:
            content = base64.b64decode(b"".join(content.split()), validate=True)
        except binascii.Error:
            return Losses()
    losses = Losses()
    for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig", "replace"), newline=None)):
        valid = "full_valid_loss" if row.get("full_valid_loss") else "valid_loss"
        _add(losses, row, valid=valid)
    return losses


def _add(losses: Losses, row: dict[str, Any], *, valid: str) -> None:
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


_SMOOTHING = 0.2  # least weight of the newest step in the moving average; with few steps it is more


def draw_losses(path: Path, t: Translator, *, title: LocalizedMessage, losses: Losses) -> None:
    """Draw a picture of the training loss, its moving average, and the held-out losses as points."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy: loaded on use)
    from matplotlib.ticker import MaxNLocator  # noqa: PLC0415

    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.subplots()
    axes.set_title(t(title), fontsize=11)
    steps = sorted(losses.train)
    if steps:
        values = [losses.train[step] for step in steps]
        axes.plot(steps, values, color=palette.MODEL, alpha=0.25, linewidth=1)
        learnt = t("texts to learn from (smoothed)")
        axes.plot(steps, smoothed(values, len(values)), color=palette.MODEL, linewidth=2, label=learnt)
    held_out = sorted(losses.valid)
    if held_out:
        points = [losses.valid[step] for step in held_out]
        kept_aside = t("texts kept aside")
        axes.plot(held_out, points, "o-", color=palette.UNSEEN, linewidth=1.5, label=kept_aside)
        for step, value in zip(held_out, points, strict=True):
            figures = t("{value:.2f}", value=value)
            axes.annotate(figures, (step, value), textcoords="offset points", xytext=(0, 7), fontsize=8)
    axes.set_xlabel(t("step"))
    axes.set_ylabel(t("loss (less is better)"))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.yaxis.set_major_formatter(lambda value, _position: t("{value:g}", value=value))
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def smoothed(values: list[float], total: int) -> list[float]:
    """Return the exponential moving average of the first values of so many."""
    weight = min(1.0, max(_SMOOTHING, 4 / total))
    smooth = values[:1]
    for _, value in pairwise(values):
        smooth.append(smooth[-1] + weight * (value - smooth[-1]))
    return smooth
