"""The training child: `python -m engine.trainer JOB_FOLDER`.

Reads order.json there, trains, leaves the model where the order says, and tells on stdout what becomes of it,
one JSON object a line: events to pass on, then `{"done": {...}}` or `{"failed": message}`. It ends with its
parent.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import disk, lifeline, recipe, training_file
from engine.encoding import Encoded, encode
from engine.order import Done, Order, OrderError

_EVENTS = 200  # about as many metrics events as one training makes, however long it is
Say = Callable[[dict[str, Any]], None]


def train(order: Order, say: Say) -> None:
    """Carry out an order. Raises OrderError or TrainingFileError."""
    from engine import gguf_export, lora  # noqa: PLC0415  seconds of torch, after the first signs of life

    gguf_export.check(order.base)
    dtype = lora.fastest_dtype()
    adapter = lora.Adapter(order.base, dtype=dtype, seed=order.seed)
    examples = _encode_all(adapter.tokenizer, order.training_file, order, say)
    held_out: list[Encoded] = []
    if order.validation_file is not None:
        held_out = _encode_all(adapter.tokenizer, order.validation_file, order, say, at_least=1)
    total = recipe.steps(len(examples), epochs=order.n_epochs, batch_size=order.batch_size)
    say(
        _message(
            f"Training on {len(examples)} examples for {total} steps in {str(dtype).removeprefix('torch.')}."
        )
    )

    valid_loss: dict[str, float] = {}
    if held_out:
        valid_loss["0"] = adapter.evaluate(held_out)
        say(_metrics("Held-out loss before training", 0, total, full_valid_loss=valid_loss["0"]))
    trained_tokens = 0
    steps = adapter.train(
        examples,
        epochs=order.n_epochs,
        batch_size=order.batch_size,
        multiplier=order.learning_rate_multiplier,
        seed=order.seed,
    )
    every = max(1, total // _EVENTS)
    for step in steps:
        trained_tokens += step.tokens
        if step.number % every == 0 and (step.number < total or not held_out):
            say(_metrics("Training loss", step.number, total, train_loss=step.loss))
    if held_out:
        valid_loss[str(total)] = adapter.evaluate(held_out)
        say(
            _metrics(
                "Training loss", total, total, train_loss=step.loss, full_valid_loss=valid_loss[str(total)]
            )
        )

    adapter.save(order.out / "adapter", order.base_id)
    gguf_export.export(order.base, order.out / "adapter", order.out / "model.gguf")
    done = Done(trained_tokens=trained_tokens, valid_loss=valid_loss)
    say({"done": done.model_dump()})


def _encode_all(
    tokenizer: Any, path: Path, order: Order, say: Say, at_least: int = training_file.MIN_EXAMPLES
) -> list[Encoded]:
    whole = [
        encode(tokenizer, example, order.longest + 1)
        for example in training_file.read(path, at_least=at_least)
    ]
    cut = sum(len(example.ids) > order.longest for example in whole)
    if cut:
        say(_message(f"{cut} examples are longer than {order.longest} tokens and were cut.", level="warn"))
    kept = [Encoded(example.ids[: order.longest], example.learned[: order.longest]) for example in whole]
    kept = [example for example in kept if any(example.learned[1:])]
    if not kept:
        raise training_file.TrainingFileError("every prompt is too long: nothing is left to learn.")
    return kept


def _message(text: str, level: str = "info") -> dict[str, Any]:
    return {"type": "message", "level": level, "message": text}


def _metrics(what: str, step: int, total: int, **numbers: float) -> dict[str, Any]:
    figures = {name: round(value, 4) for name, value in numbers.items()}
    shown = ", ".join(f"{value:.3f}" for value in figures.values())
    data = {"step": step, "total_steps": total, **figures}
    return {
        "type": "metrics",
        "level": "info",
        "message": f"Step {step}/{total}: {what.lower()} {shown}",
        "data": data,
    }


def _give_way() -> None:
    """Let chat go first: train on what it leaves of the machine."""
    if hasattr(os, "SCHED_IDLE"):  # Linux; chat then wakes up without waiting for our slice of time to end
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)


def main() -> None:
    """Run as the engine's child."""
    lifeline.on_end_of_stdin(lambda: os._exit(1))
    _give_way()
    # libraries print as they like: their words go to stderr, and ours keep the pipe to themselves
    pipe = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def say(line: dict[str, Any]) -> None:
        pipe.write(json.dumps(line) + "\n")
        pipe.flush()

    order = Order.model_validate(disk.read_json(Path(sys.argv[1]) / "order.json"))
    try:
        train(order, say)
    except (OrderError, training_file.TrainingFileError) as error:
        say({"failed": str(error)})


if __name__ == "__main__":
    main()
