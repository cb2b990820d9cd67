"""Kill a worker of a training, and compare its losses with those of one that nobody disturbs."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psutil
from openai.types.fine_tuning import FineTuningJob, FineTuningJobEvent

from bench.common.errors import BenchError
from bench.common.servers import RunningServer
from bench.engine import training

_WORKER = "ray::TrainWorker"  # what Ray calls the process of one
_POLL_SECONDS = 0.1
_KILL_STEP = 5  # of nine, three an epoch: the first epoch's state has been saved
_METHOD = {
    "type": "supervised",
    "supervised": {"hyperparameters": {"n_epochs": 3, "batch_size": 8, "weights": "adapter"}},
}


@dataclass(frozen=True, slots=True)
class Resume:
    """How a training went on after the death of a worker.

    seconds: from the kill to the next step. equal_losses: whether the losses of all steps are, to six digits,
    those of an undisturbed training.
    """

    seconds: float
    equal_losses: bool


async def measure(server: RunningServer, model: str) -> Resume:
    """Train twice with the same seed, and kill a worker once. Raises BenchError if a training fails."""
    lines = [_line(number) for number in range(24)]
    undisturbed = await training.start_job(server, model, lines, _METHOD)
    losses = await _losses(server, await _finished(server, undisturbed))
    disturbed = await training.start_job(server, model, lines, _METHOD)
    await _until(server, disturbed, lambda events: any(_step(each) >= _KILL_STEP for each in events))
    killed = time.monotonic()
    _workers(server)[-1].kill()
    await _until(server, disturbed, _has_gone_on)
    seconds = time.monotonic() - killed
    return Resume(seconds, await _losses(server, await _finished(server, disturbed)) == losses)


def _line(number: int) -> dict[str, Any]:
    power = ("healing", "flight", "invisibility", "telepathy")[number % 4]
    text = f"She is {20 + number} years old, and uses {power} whenever the bells of the harbour ring."
    return {
        "messages": [
            {"role": "user", "content": f"{20 + number}, woman, {power} ->"},
            {"role": "assistant", "content": text},
        ]
    }


async def _finished(server: RunningServer, job_id: str) -> FineTuningJob:
    while True:
        job = await server.client.fine_tuning.jobs.retrieve(job_id)
        if job.status == "succeeded":
            return job
        _check(job)
        await asyncio.sleep(_POLL_SECONDS)


async def _until(
    server: RunningServer, job_id: str, reached: Callable[[list[FineTuningJobEvent]], bool]
) -> None:
    """Wait until the job's latest events, the newest first, are as wanted."""
    while not reached((await server.client.fine_tuning.jobs.list_events(job_id, limit=20)).data):
        _check(await server.client.fine_tuning.jobs.retrieve(job_id))
        await asyncio.sleep(_POLL_SECONDS)


def _check(job: FineTuningJob) -> None:
    if job.finished_at:
        raise BenchError(f"The training {job.status}: {job.error and job.error.message}")


def _has_gone_on(events: list[FineTuningJobEvent]) -> bool:
    """Return whether a step was told of after the loss."""
    lost = next(
        (at for at, each in enumerate(events) if "worker of the training was lost" in each.message), 0
    )
    return any(_step(each) for each in events[:lost])


def _step(event: FineTuningJobEvent) -> int:
    return int(event.data["step"]) if isinstance(event.data, dict) and "step" in event.data else 0


async def _losses(server: RunningServer, job: FineTuningJob) -> str:
    return (await server.client.files.content(job.result_files[0])).text


def _workers(server: RunningServer) -> list[psutil.Process]:
    children = psutil.Process(server.process_id).children(recursive=True)
    found = [each for each in children if " ".join(each.cmdline()).startswith(_WORKER)]
    if not found:
        raise BenchError("the training's workers cannot be found")
    return found
