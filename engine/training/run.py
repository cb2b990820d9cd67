"""Run one training request: from the training files to a model that can be served. Imports torch."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from pydantic import BaseModel

from engine import base_model, hyperparameters, resources, system
from engine.hyperparameters import Adapter
from engine.jobs import encoding
from engine.training import gguf_weights, result_files
from engine.training.full_model import FullModel
from engine.training.loop import Step, TrainingLoop
from engine.training.lora_model import LoraModel
from engine.training.objectives import (
    KtoObjective,
    Objective,
    PreferenceObjective,
    SupervisedObjective,
    evaluate,
)
from engine.training.save_schedule import SaveSchedule
from engine.training.state_file import StateFile
from engine.training.time_estimate import TimeEstimate
from engine.training.trainable_model import StartingWeights, TrainableModel
from engine.training.worker_group import ALONE, WorkerGroup
from engine.training_request import (
    Checkpoint,
    ReferenceLoss,
    TrainedWeights,
    TrainingRequest,
    TrainingResult,
)

_MAX_METRICS_EVENTS = 200  # about as many per training, however many steps it has

Send = Callable[[dict[str, Any]], None]
"""Sends one message to the engine; engine/training/__main__.py lists their forms."""


class _Progress(BaseModel):
    """What a training has measured so far, with losses by step; it is saved with the training state."""

    trained_tokens: int = 0
    train_loss: dict[str, float] = {}
    valid_loss: dict[str, float] = {}
    reference_loss: ReferenceLoss | None = None
    best_reference_loss: float | None = None
    """Of the epoch with the lowest held-out loss so far, if the model may become that of an earlier epoch."""


class TrainingRun:
    """One training, from its request to its result; each of its workers has one."""

    def __init__(
        self,
        request: TrainingRequest,
        send: Send,
        pause_requested: Callable[[], bool],
        workers: WorkerGroup = ALONE,
        state: StateFile | None = None,
    ) -> None:
        """Load the model and the texts; `pause_requested` is called between the parts of steps.

        `state` is where the training's state is kept, by default where the request says.

        Raises TrainingError, and the errors of torch and the system if disk or memory run out.
        """
        self._request = request
        self._workers = workers
        self._state = state or StateFile(request.state)
        self._send = send
        self._pause_requested = pause_requested
        self._progress = _Progress()
        if request.base.is_file():
            gguf_weights.check(request.base)
        # torch counts the machine's cores, whatever share of their time a container has
        torch.set_num_threads(min(torch.get_num_threads(), system.compute_threads()))
        longest = encoding.longest_example(request.training_tokens, request.method)
        resources.check(request, longest=longest, on_cpu=base_model.best_device() == "cpu")
        start = StartingWeights(request.base_id, request.base, request.unpacked, request.start)
        self._model = load_model(
            start,
            request.weights,
            seed=request.seed,
            max_length=request.max_length,
            adapter=Adapter(request.lora_rank or hyperparameters.LORA_RANK, request.lora_rs or False),
        )
        workers.broadcast(self._model.state())  # a new adapter is random, on each kind of processor
        self._model.apply_update()
        self._objective = _objective(request, self._model, workers)
        examples: list[Any] = self._objective.prepare(encoding.read(request.training_tokens))
        held_out = request.validation_tokens
        self._held_out = self._objective.prepare(encoding.read(held_out)) if held_out else []
        reference = request.reference_tokens
        self._reference = [text for texts in encoding.read(reference) for text in texts] if reference else []
        # as for a first model: the dataset that it learns from brought the reference too
        self._reference_is_held_out = request.method == "supervised" and _same_texts(
            self._reference, self._held_out
        )
        self._loop = TrainingLoop(
            self._model,
            self._objective,
            examples,
            epochs=request.n_epochs,
            batch_size=request.batch_size,
            learning_rate=hyperparameters.LEARNING_RATES[request.method][request.weights]
            * request.learning_rate_multiplier,
            seed=request.seed,
            workers=workers,
        )
        self._examples = len(examples)
        self._estimate = TimeEstimate()

    def run(self) -> dict[str, Any]:
        """Start or resume the training; return the last message, when it is done or paused.

        Raises what the constructor does.
        """
        self._start_or_resume()
        if not self._train():
            return {"paused": self._loop.step}
        return self._finish()

    def _start_or_resume(self) -> None:
        loop = self._loop
        dtype = str(self._model.dtype).removeprefix("torch.")
        what = "all weights" if self._request.weights == "all" else "an adapter"
        self._send_message(
            f"Training on {self._examples} examples for {loop.total_steps} steps: {what} in {dtype}."
        )
        if self._workers.first(float(self._state.exists())):
            self._state.fetch()
            self._progress = _Progress.model_validate(loop.load(self._state.path))
            if self._workers.first(loop.step) != loop.step:
                raise RuntimeError("this worker read another training state than the first one")
            self._send_message(f"Resuming after step {loop.step} of {loop.total_steps}.")
            return
        if self._held_out:
            self._evaluate(0)
            self._send_metrics(
                "Held-out loss before training", 0, full_valid_loss=self._progress.valid_loss["0"]
            )
        if self._reference:
            self._progress.reference_loss = ReferenceLoss(before=self._measure_reference())
            self._send_reference_loss(self._progress.reference_loss, "before")

    def _train(self) -> bool:
        """Run the remaining steps; return False if the training was paused."""
        interval = max(1, self._loop.total_steps // _MAX_METRICS_EVENTS)
        saves = SaveSchedule()
        for step in self._loop.steps(self._pause_requested):
            self._estimate.add(step.tokens, step.seconds)
            self._progress.trained_tokens += step.tokens
            self._progress.train_loss[str(step.number)] = step.loss
            if step.ends_epoch:
                self._end_epoch(step)
            elif step.number % interval == 0:
                self._send_metrics("Training loss", step.number, train_loss=step.loss, **self._seconds_left())
            if saves.is_due(ends_epoch=step.ends_epoch):
                self._save_state(saves)
        if self._loop.step < self._loop.total_steps:
            self._save_state(saves)
            return False
        return True

    def _end_epoch(self, step: Step) -> None:
        losses = {"train_loss": step.loss}
        if self._held_out:
            losses["full_valid_loss"] = self._evaluate(step.number)
        self._send_metrics("Training loss", step.number, **losses, **self._seconds_left())
        if self._picks_epoch() and self._best_step() == step.number:
            self._progress.best_reference_loss = self._measure_reference() if self._reference else None
        total = self._loop.total_steps
        steps_left = total - step.number
        if 0 < steps_left < hyperparameters.KEPT_CHECKPOINTS * total // self._request.n_epochs:
            self._save_checkpoint()

    def _save_checkpoint(self) -> None:
        if self._workers.is_first:
            self._model.save(self._request.checkpoint(self._loop.step))
        self._send({"checkpoint": self._result(Checkpoint, self._loop.step).model_dump()})

    def _finish(self) -> dict[str, Any]:
        kept = self._kept_step()
        if kept != self._loop.step:
            self._restore_epoch(kept)
        elif self._workers.is_first:
            self._model.save(self._request.out)
        if self._progress.reference_loss is not None:
            self._progress.reference_loss.after = (
                self._measure_reference() if kept == self._loop.step else self._progress.best_reference_loss
            )
            self._send_reference_loss(self._progress.reference_loss, "after")
        if self._workers.is_first:
            losses = self._progress.train_loss, self._progress.valid_loss
            result_files.write_losses(self._request.losses, *losses, self._loop.total_steps)
        return {"done": self._result(TrainingResult, kept).model_dump()}

    def _picks_epoch(self) -> bool:
        return self._request.picks_epoch and bool(self._held_out)

    def _kept_step(self) -> int:
        """Return the step whose model becomes that of the training: an earlier one if it is there still."""
        if not self._picks_epoch():
            return self._loop.step
        best = self._best_step()
        is_there = self._workers.first(float(self._request.checkpoint(best).is_dir()))
        return best if is_there else self._loop.step

    def _best_step(self) -> int:
        """Return the step after which the held-out loss was lowest so far, of those that ended an epoch.

        Of equal ones it is the last.
        """
        losses = {int(step): loss for step, loss in self._progress.valid_loss.items() if step != "0"}
        return min(losses, key=lambda step: (losses[step], -step))

    def _restore_epoch(self, step: int) -> None:
        """Make the model that of an earlier epoch, and keep the last epoch's as a checkpoint.

        The files are those of the earlier epoch's checkpoint: nothing of it is held in memory.
        """
        self._save_checkpoint()
        if self._workers.is_first:
            result_files.copy_model(self._request.checkpoint(step), self._request.out)
        losses, last = self._progress.valid_loss, self._loop.step
        epoch, epochs = self._loop.epoch_of(step), self._request.n_epochs
        self._send_data(
            f"the model is that of epoch {epoch} of {epochs}, whose held-out loss is lower: "
            f"{losses[str(step)]:.3f}, and {losses[str(last)]:.3f} at the end",
            step,
            {"full_valid_loss": round(losses[str(step)], 4), "kept_epoch": epoch, "epochs": epochs},
        )

    def _result(self, result_type: type[TrainingResult], step: int) -> TrainingResult:
        return result_type(
            step=step,
            epoch=self._loop.epoch_of(step),
            trained_tokens=self._progress.trained_tokens,
            valid_loss=self._progress.valid_loss,
            train_loss=self._progress.train_loss[str(step)],
            reference_loss=self._progress.reference_loss,
        )

    def _save_state(self, saves: SaveSchedule) -> None:
        if not self._workers.is_first:
            return
        with saves.saving():
            self._loop.save(self._state.path, self._progress.model_dump())
            self._state.publish()

    def _evaluate(self, step: int) -> float:
        self._progress.valid_loss[str(step)] = loss = evaluate(self._objective, self._held_out, self._workers)
        return loss

    def _measure_reference(self) -> float:
        """Return the model's mean loss on the reference file, in nats per learned token."""
        if self._reference_is_held_out:
            return self._progress.valid_loss[str(self._loop.step)]
        return evaluate(SupervisedObjective(self._model), self._reference, self._workers)

    def _send_message(self, text: str) -> None:
        self._send({"type": "message", "level": "info", "message": text})

    def _seconds_left(self) -> dict[str, float]:
        """Return how long the training will still take, if that can be told, as a metric."""
        held_out = sum(map(self._objective.token_count, self._held_out))
        reference = 0 if self._reference_is_held_out else sum(len(text.ids) for text in self._reference)
        seconds = self._estimate.seconds(
            learned=self._loop.tokens_left, read=self._loop.epochs_left * held_out + reference
        )
        return {} if seconds is None else {"seconds_left": seconds}

    def _send_metrics(self, title: str, step: int, **values: float) -> None:
        metrics = {name: round(value, 4) for name, value in values.items()}
        shown = ", ".join(f"{value:.3f}" for name, value in metrics.items() if name.endswith("loss"))
        self._send_data(f"{title.lower()} {shown}", step, metrics)

    def _send_reference_loss(self, loss: ReferenceLoss, when: Literal["before", "after"]) -> None:
        title = f"reference loss {when} training {getattr(loss, when):.3f}"
        self._send_data(title, self._loop.step, {"reference_loss": loss.model_dump()})

    def _send_data(self, text: str, step: int, data: dict[str, Any]) -> None:
        total = self._loop.total_steps
        self._send(
            {
                "type": "metrics",
                "level": "info",
                "message": f"Step {step}/{total}: {text}",
                "data": {"step": step, "total_steps": total, **data},
            }
        )


def load_model(
    start: StartingWeights, weights: TrainedWeights, *, seed: int, max_length: int, adapter: Adapter
) -> TrainableModel:
    """Load a model to train in one of the ways of tuning; `adapter` counts if that is an adapter."""
    if weights == "all":
        return FullModel(start, seed=seed, max_length=max_length)
    return LoraModel(start, seed=seed, max_length=max_length, adapter=adapter)


def _objective(request: TrainingRequest, model: TrainableModel, workers: WorkerGroup) -> Objective[Any]:
    beta = request.beta or hyperparameters.BETA
    match request.method:
        case "supervised":
            return SupervisedObjective(model)
        case "dpo":
            return PreferenceObjective(model, beta, request.supervised_weight or 0.0, workers=workers)
        case "kto":
            return KtoObjective(
                model,
                beta,
                desirable_weight=request.desirable_weight or 1.0,
                undesirable_weight=request.undesirable_weight or 1.0,
                max_length=request.max_length,
                workers=workers,
            )


def _same_texts(some: Iterable[Any], others: Iterable[Any]) -> bool:
    """Return whether the same is read and learned of both, Encoded, in any order."""
    some, others = (sorted(texts, key=lambda text: (text.ids, text.learned)) for texts in (some, others))
    return some == others
