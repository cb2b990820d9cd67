"""Requests for trainings of the tiny model, as the queue of jobs makes them."""

import json
import random
from pathlib import Path
from typing import Any

from engine import hyperparameters
from engine.jobs import encoding
from engine.limits import CONTEXT
from engine.model_size import ModelSize
from engine.training_request import MethodName, TrainedWeights, TrainingRequest


def write_request(
    folder: Path,
    base: Path,
    *,
    method: MethodName = "supervised",
    weights: TrainedWeights = "all",
    examples: int = 20,
    **changes: Any,
) -> TrainingRequest:
    """Write files of random token ids into a job's folder, and return a request to train on them."""
    draw = random.Random(3)  # noqa: S311  texts, not secrets
    folder.mkdir(parents=True, exist_ok=True)
    training, held_out = folder / "training_file.tokens.jsonl", folder / "validation_file.tokens.jsonl"
    training.write_text("".join(_line(draw, method, number) for number in range(examples)))
    held_out.write_text("".join(_line(draw, method, number) for number in range(5)))
    numbers = {"batch_size": 8, "learning_rate_multiplier": 20.0, "n_epochs": 2, "seed": 7} | changes
    request = TrainingRequest(
        base_id="tiny",
        base=base,
        size=ModelSize.read(base),
        start=None,
        weights=weights,
        unpacked=folder / "unpacked",
        method=method,
        training_tokens=training,
        validation_tokens=held_out,
        out=folder / "models" / "tuned",
        state=folder / "state.pt",
        losses=folder / "losses.csv",
        supervised_weight=hyperparameters.SUPERVISED_WEIGHT,
        max_length=CONTEXT,
        **numbers,
    )
    longest = encoding.longest_example(training, method)
    return request.model_copy(update={"longest_example": longest})


def _line(draw: random.Random, method: MethodName, number: int) -> str:
    """Return one or two texts of some length, which begin in the same way, as token ids."""
    texts = []
    for _ in range(2 if method == "dpo" else 1):
        prompt, length = [number % 7 + 10] * 6, draw.randint(4, 30)
        ids = prompt + [draw.randint(20, 60) for _ in range(length)]
        label = [False] if method == "kto" and number % 3 == 0 else []
        texts.append([ids, [[len(prompt), len(ids)]], *label])
    return json.dumps(texts) + "\n"
