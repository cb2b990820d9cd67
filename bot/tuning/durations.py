"""How long a training took: what passes before its first step, and the steps themselves."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bot.tuning.losses import event_data


@dataclass(frozen=True, slots=True)
class Durations:
    """Seconds from the order until the first step begins, and those of all steps."""

    start: float
    training: float


def durations(remote: FineTuningJob, events: Iterable[FineTuningJobEvent]) -> Durations | None:
    """Read the durations from the times of a training's metrics; None if there are too few of them."""
    seen: dict[int, float] = {}
    total = 0
    for event in events:
        data = event_data(event)
        with suppress(KeyError, TypeError, ValueError):
            float(data["train_loss"])
            seen[int(data["step"])], total = float(event.created_at), int(data["total_steps"])
    if not seen or max(seen) == min(seen) or seen[max(seen)] <= seen[min(seen)]:
        return None
    first, last = min(seen), max(seen)
    step = (seen[last] - seen[first]) / (last - first)
    return Durations(max(0.0, seen[first] - remote.created_at - first * step), step * total)
