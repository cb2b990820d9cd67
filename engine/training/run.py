"""One order carried out: from the files to a model that can be served. Imports torch."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import hyperparameters
from engine.jobs import training_file
from engine.training import gguf_export, resource_checks
from engine.training.loop import Step, Training
from engine.training.lora_model import Adapter
from engine.training.objectives import Objective, Preference, Supervised, evaluate
from engine.training_request import Checkpoint, Done, Order

_EVENTS = 200  # about as many metrics events as one training makes, however long it is
_SAVE_EVERY = 30.0  # seconds of work that a crash may cost

Say = Callable[[dict[str, Any]], None]


class FineTuning:
    """A training from its order to its result."""

    def __init__(self, order: Order, say: Say, paused: Callable[[], bool]) -> None:
        """Prepare; `paused` is asked between steps."""
        self._order = order
        self._say = say
        self._paused = paused
        self._trained_tokens = 0
        self._train_loss: dict[str, float] = {}
        self._valid_loss: dict[str, float] = {}

    def run(self) -> dict[str, Any]:
        """Train, or go on, until the model is complete or a pause is asked for; return the last word.

        Raises OrderError, TrainingFileError, and what the system says where disk or memory run out.
        """
        order = self._order
        if order.base.is_file():
            gguf_export.check(order.base)
        resource_checks.check_disk(order)
        self._adapter = Adapter(
            order.base, cache=order.unpacked, start=order.start, seed=order.seed, longest=order.longest
        )
        self._adapter.check_memory()
        self._objective: Objective[Any] = (
            Supervised(self._adapter)
            if order.method == "supervised"
            else Preference(self._adapter, order.beta or hyperparameters.BETA)
        )
        examples = self._examples(order.training_file, training_file.MIN_EXAMPLES)
        self._held_out = self._examples(order.validation_file, 1) if order.validation_file else []
        self._training = Training(
            self._adapter,
            self._objective,
            examples,
            epochs=order.n_epochs,
            batch_size=order.batch_size,
            rate=hyperparameters.LEARNING_RATES[order.method] * order.learning_rate_multiplier,
            seed=order.seed,
        )
        self._begin(len(examples))
        if not self._work():
            return {"paused": self._training.done}
        return self._finish()

    def _examples(self, path: Path, at_least: int) -> list[Any]:
        read = training_file.read(path, self._order.method, at_least=at_least)
        return self._objective.prepare(list(read.values()))

    def _begin(self, examples: int) -> None:
        training = self._training
        numbers = str(self._adapter.dtype).removeprefix("torch.")
        self._message(f"Training on {examples} examples for {training.total} steps in {numbers}.")
        if self._order.state.is_file():
            told: Any = training.load(self._order.state)
            self._trained_tokens = told["trained_tokens"]
            self._train_loss, self._valid_loss = told["train_loss"], told["valid_loss"]
            self._message(f"Going on after step {training.done} of {training.total}.")
        elif self._held_out:
            self._measure(0)
            self._metrics("Held-out loss before training", 0, full_valid_loss=self._valid_loss["0"])

    def _work(self) -> bool:
        """Do the steps that are left; return whether they are all done."""
        every = max(1, self._training.total // _EVENTS)
        saved = time.monotonic()
        for step in self._training.steps():
            self._trained_tokens += step.tokens
            self._train_loss[str(step.number)] = step.loss
            if step.ends_epoch:
                self._end_epoch(step)
            elif step.number % every == 0:
                self._metrics("Training loss", step.number, train_loss=step.loss)
            if self._paused() and step.number < self._training.total:
                self._save()
                return False
            if step.ends_epoch or time.monotonic() - saved > _SAVE_EVERY:
                self._save()
                saved = time.monotonic()
        return True

    def _end_epoch(self, step: Step) -> None:
        figures = {"train_loss": step.loss}
        if self._held_out:
            figures["full_valid_loss"] = self._measure(step.number)
        self._metrics("Training loss", step.number, **figures)
        steps_left = self._training.total - step.number
        if 0 < steps_left < hyperparameters.CHECKPOINTS * self._training.total // self._order.n_epochs:
            self._write_model(self._order.checkpoint(step.number))
            checkpoint = self._so_far(Checkpoint)
            self._say({"checkpoint": checkpoint.model_dump()})

    def _finish(self) -> dict[str, Any]:
        self._write_model(self._order.out)
        with self._order.losses.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(("step", "train_loss", "valid_loss"))
            for step in range(self._training.total + 1):
                row = (self._train_loss.get(str(step)), self._valid_loss.get(str(step)))
                if row != (None, None):
                    rows.writerow((step, *("" if loss is None else f"{loss:.6f}" for loss in row)))
        return {"done": self._so_far(Done).model_dump()}

    def _so_far(self, kind: type[Done]) -> Done:
        return kind(
            step=self._training.done,
            trained_tokens=self._trained_tokens,
            valid_loss=self._valid_loss,
            train_loss=self._train_loss[str(self._training.done)],
        )

    def _write_model(self, folder: Path) -> None:
        self._adapter.save(folder / "adapter", self._order.base_id)
        if self._order.base.is_file():
            gguf_export.export(self._order.base, folder / "adapter", folder / "model.gguf")

    def _save(self) -> None:
        told = {
            "trained_tokens": self._trained_tokens,
            "train_loss": self._train_loss,
            "valid_loss": self._valid_loss,
        }
        self._training.save(self._order.state, told)

    def _measure(self, step: int) -> float:
        self._valid_loss[str(step)] = evaluate(self._objective, self._held_out)
        return self._valid_loss[str(step)]

    def _message(self, text: str) -> None:
        self._say({"type": "message", "level": "info", "message": text})

    def _metrics(self, what: str, step: int, **numbers: float) -> None:
        figures = {name: round(value, 4) for name, value in numbers.items()}
        shown = ", ".join(f"{value:.3f}" for value in figures.values())
        total = self._training.total
        self._say(
            {
                "type": "metrics",
                "level": "info",
                "message": f"Step {step}/{total}: {what.lower()} {shown}",
                "data": {"step": step, "total_steps": total, **figures},
            }
        )
