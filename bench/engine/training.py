"""Fine-tuning jobs, created and followed through the API: tokens per second, and peak memory."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from openai.types.fine_tuning import FineTuningJob

from bench.common import processes
from bench.common.errors import BenchError
from bench.common.servers import RunningServer

_POLL_SECONDS = 0.25  # a step takes seconds, and polling does not slow it down


@dataclass(frozen=True)
class TrainingRun:
    """A finished job: its model, tokens per second of its steps, and the trainer's peak memory."""

    model: str
    tokens_per_second: float
    peak_gib: float


@dataclass(frozen=True)
class ObservedStep:
    """The step (from 1) of a metrics event, and the time at which it was first seen, in seconds."""

    step: int
    seen_at: float


async def start_job(
    server: RunningServer, model: str, lines: Sequence[dict[str, Any]], method: dict[str, Any]
) -> str:
    """Upload training lines, create a job and return its id."""
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    file = await server.client.files.create(file=("bench.jsonl", content), purpose="fine-tune")
    # the method as plain JSON, as the documentation shows it
    job = await server.client.fine_tuning.jobs.create(
        model=model, training_file=file.id, seed=1, suffix="bench", extra_body={"method": method}
    )
    return job.id


async def follow_job(server: RunningServer, job_id: str) -> TrainingRun:
    """Poll a job until it succeeds. Raises BenchError if it fails or is cancelled."""
    seen: list[ObservedStep] = []
    peak = 0.0
    while True:
        job = await server.client.fine_tuning.jobs.retrieve(job_id)
        seen += await _new_steps(server, job_id, seen)
        peak = max(peak, processes.memory_mib(processes.training(server.process_id)))
        if job.status in {"failed", "cancelled"}:
            raise BenchError(f"The training {job.status}: {job.error and job.error.message}")
        if job.status == "succeeded":
            return _training(job, seen, peak)
        await asyncio.sleep(_POLL_SECONDS)


async def wait_for_first_step(server: RunningServer, job_id: str) -> None:
    """Wait until a job has done its first step. Raises BenchError if it ends before that."""
    while not await _new_steps(server, job_id, []):
        job = await server.client.fine_tuning.jobs.retrieve(job_id)
        if job.finished_at:
            raise BenchError(f"The training {job.status} before its first step.")
        await asyncio.sleep(_POLL_SECONDS)


def tokens_per_second(trained_tokens: int, seen: Sequence[ObservedStep]) -> float:
    """Return the tokens per second between the first and the last step seen.

    `trained_tokens` counts all steps of the job; the last one seen is the job's last.
    """
    first, last = seen[0], seen[-1]
    return trained_tokens * (last.step - first.step) / last.step / (last.seen_at - first.seen_at)


def _training(job: FineTuningJob, seen: Sequence[ObservedStep], peak_mib: float) -> TrainingRun:
    if job.fine_tuned_model is None or not job.trained_tokens or len({step.seen_at for step in seen}) < 2:
        raise BenchError("The training was too short to be measured.")
    return TrainingRun(job.fine_tuned_model, tokens_per_second(job.trained_tokens, seen), peak_mib / 2**10)


async def _new_steps(server: RunningServer, job_id: str, seen: Sequence[ObservedStep]) -> list[ObservedStep]:
    """Return the steps of new metrics events, oldest first, seen now."""
    page = await server.client.fine_tuning.jobs.list_events(job_id, limit=100)
    now = time.perf_counter()
    known = seen[-1].step if seen else 0
    # `data` has no type in the package
    steps = [int(event.data["step"]) for event in page.data if isinstance(event.data, dict)]
    return [ObservedStep(step, now) for step in sorted(steps) if step > known]
