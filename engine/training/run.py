"""Run one training request: from the training files to a model that can be served. Imports torch."""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine import hyperparameters
from engine.jobs import encoding
from engine.training import gguf_export, resource_checks
from engine.training.loop import Step, TrainingLoop
from engine.training.lora_model import LoraModel
from engine.training.objectives import Objective, PreferenceObjective, SupervisedObjective, evaluate
from engine.training_request import Checkpoint, TrainingRequest, TrainingResult

_MAX_METRICS_EVENTS = 200  # about as many per training, however many steps it has
_SAVE_SECONDS = 30.0  # of work that a crash may cost

Send = Callable[[dict[str, Any]], None]
"""Sends one message to the engine; engine/training/__main__.py lists their forms."""


class TrainingRun:
    """One training, from its request to its result."""

    def __init__(self, request: TrainingRequest, send: Send, pause_requested: Callable[[], bool]) -> None:
        """Prepare; `pause_requested` is called between steps."""
        self._request = request
        self._send = send
        self._pause_requested = pause_requested
        self._trained_tokens = 0
        self._train_loss: dict[str, float] = {}
        self._valid_loss: dict[str, float] = {}

    def run(self) -> dict[str, Any]:
        """Start or resume the training; return the last message, when it is done or paused.

        Raises TrainingError, and the errors of torch and the system if disk or memory run out.
        """
        request = self._request
        if request.base.is_file():
            gguf_export.check_architecture(request.base)
        resource_checks.check_disk(request)
        self._model = LoraModel(
            request.base,
            cache=request.unpacked,
            starting_adapter=request.start,
            seed=request.seed,
            max_length=request.max_length,
        )
        self._model.check_memory()
        self._objective: Objective[Any] = (
            SupervisedObjective(self._model)
            if request.method == "supervised"
            else PreferenceObjective(self._model, request.beta or hyperparameters.DPO_BETA)
        )
        examples: list[Any] = self._objective.prepare(encoding.read(request.training_tokens))
        held_out = request.validation_tokens
        self._held_out = self._objective.prepare(encoding.read(held_out)) if held_out else []
        self._loop = TrainingLoop(
            self._model,
            self._objective,
            examples,
            epochs=request.n_epochs,
            batch_size=request.batch_size,
            learning_rate=hyperparameters.LEARNING_RATES[request.method] * request.learning_rate_multiplier,
            seed=request.seed,
        )
        self._start_or_resume(len(examples))
        if not self._train():
            return {"paused": self._loop.step}
        return self._finish()

    def _start_or_resume(self, examples: int) -> None:
        loop = self._loop
        dtype = str(self._model.dtype).removeprefix("torch.")
        self._send_message(f"Training on {examples} examples for {loop.total_steps} steps in {dtype}.")
        if self._request.state.is_file():
            progress: Any = loop.load(self._request.state)
            self._trained_tokens = progress["trained_tokens"]
            self._train_loss, self._valid_loss = progress["train_loss"], progress["valid_loss"]
            self._send_message(f"Resuming after step {loop.step} of {loop.total_steps}.")
        elif self._held_out:
            self._evaluate(0)
            self._send_metrics("Held-out loss before training", 0, full_valid_loss=self._valid_loss["0"])

    def _train(self) -> bool:
        """Run the remaining steps; return False if the training was paused."""
        interval = max(1, self._loop.total_steps // _MAX_METRICS_EVENTS)
        saved = time.monotonic()
        for step in self._loop.steps():
            self._trained_tokens += step.tokens
            self._train_loss[str(step.number)] = step.loss
            if step.ends_epoch:
                self._end_epoch(step)
            elif step.number % interval == 0:
                self._send_metrics("Training loss", step.number, train_loss=step.loss)
            if self._pause_requested() and step.number < self._loop.total_steps:
                self._save_state()
                return False
            if step.ends_epoch or time.monotonic() - saved > _SAVE_SECONDS:
                self._save_state()
                saved = time.monotonic()
        return True

    def _end_epoch(self, step: Step) -> None:
        losses = {"train_loss": step.loss}
        if self._held_out:
            losses["full_valid_loss"] = self._evaluate(step.number)
        self._send_metrics("Training loss", step.number, **losses)
        total = self._loop.total_steps
        steps_left = total - step.number
        if 0 < steps_left < hyperparameters.KEPT_CHECKPOINTS * total // self._request.n_epochs:
            self._write_model(self._request.checkpoint(step.number))
            self._send({"checkpoint": self._result(Checkpoint).model_dump()})

    def _finish(self) -> dict[str, Any]:
        self._write_model(self._request.out)
        with self._request.losses.open("w", newline="", encoding="utf-8") as out:
            rows = csv.writer(out)
            rows.writerow(("step", "train_loss", "valid_loss"))
            for step in range(self._loop.total_steps + 1):
                row = (self._train_loss.get(str(step)), self._valid_loss.get(str(step)))
                if row != (None, None):
                    rows.writerow((step, *("" if loss is None else f"{loss:.6f}" for loss in row)))
        return {"done": self._result(TrainingResult).model_dump()}

    def _result(self, result_type: type[TrainingResult]) -> TrainingResult:
        return result_type(
            step=self._loop.step,
            trained_tokens=self._trained_tokens,
            valid_loss=self._valid_loss,
            train_loss=self._train_loss[str(self._loop.step)],
        )

    def _write_model(self, folder: Path) -> None:
        self._model.save(folder / "adapter", self._request.base_id)
        if self._request.base.is_file():
            gguf_export.export(self._request.base, folder / "adapter", folder / "model.gguf")

    def _save_state(self) -> None:
        progress = {
            "trained_tokens": self._trained_tokens,
            "train_loss": self._train_loss,
            "valid_loss": self._valid_loss,
        }
        self._loop.save(self._request.state, progress)

    def _evaluate(self, step: int) -> float:
        self._valid_loss[str(step)] = evaluate(self._objective, self._held_out)
        return self._valid_loss[str(step)]

    def _send_message(self, text: str) -> None:
        self._send({"type": "message", "level": "info", "message": text})

    def _send_metrics(self, title: str, step: int, **values: float) -> None:
        metrics = {name: round(value, 4) for name, value in values.items()}
        shown = ", ".join(f"{value:.3f}" for value in metrics.values())
        total = self._loop.total_steps
        self._send(
            {
                "type": "metrics",
                "level": "info",
                "message": f"Step {step}/{total}: {title.lower()} {shown}",
                "data": {"step": step, "total_steps": total, **metrics},
            }
        )
