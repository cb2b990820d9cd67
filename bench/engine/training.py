"""Fine-tuning jobs, ordered and watched through the API: how many tokens a second, and how much memory."""

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
from openai.types.fine_tuning import FineTuningJob

from bench.common.servers import BenchError, Running

_LOOK = 0.25  # seconds between two looks: often enough for a step of seconds, too seldom to slow it down


@dataclass(frozen=True)
class Training:
    """What a job came to: its model, tokens read per second of its steps, the trainer's largest memory."""

    model: str
    tokens_per_second: float
    peak_gib: float


@dataclass(frozen=True)
class Seen:
    """The step (from 1) of a metrics event, and when it was seen first, in seconds."""

    step: int
    at: float


async def start(server: Running, model: str, lines: Sequence[dict[str, Any]], method: dict[str, Any]) -> str:
    """Upload training lines, order a job and return its id."""
    content = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    file = await server.client.files.create(file=("bench.jsonl", content), purpose="fine-tune")
    # the method as plain JSON: it is what the documentation shows
    job = await server.client.fine_tuning.jobs.create(
        model=model, training_file=file.id, seed=1, suffix="bench", extra_body={"method": method}
    )
    return job.id


async def follow(server: Running, job_id: str) -> Training:
    """Watch a job to its end. Raises BenchError where it does not succeed."""
    seen: list[Seen] = []
    peak = 0
    while True:
        job = await server.client.fine_tuning.jobs.retrieve(job_id)
        seen += await _news(server, job_id, seen)
        peak = max(peak, _trainer_bytes(server.process_id))
        if job.status in {"failed", "cancelled"}:
            raise BenchError(f"The training {job.status}: {job.error and job.error.message}")
        if job.status == "succeeded":
            return _training(job, seen, peak)
        await asyncio.sleep(_LOOK)


async def until_it_steps(server: Running, job_id: str) -> None:
    """Wait until a job has done its first step. Raises BenchError where it ends before."""
    while not await _news(server, job_id, []):
        job = await server.client.fine_tuning.jobs.retrieve(job_id)
        if job.finished_at:
            raise BenchError(f"The training {job.status} before its first step.")
        await asyncio.sleep(_LOOK)


def speed(trained_tokens: int, seen: Sequence[Seen]) -> float:
    """Return tokens per second between the first and the last step that were seen.

    `trained_tokens` counts all steps of the job, which ends with the last one seen.
    """
    first, last = seen[0], seen[-1]
    return trained_tokens * (last.step - first.step) / last.step / (last.at - first.at)


def _training(job: FineTuningJob, seen: Sequence[Seen], peak: int) -> Training:
    if job.fine_tuned_model is None or not job.trained_tokens or len(seen) < 2:
        raise BenchError("The training was too short to be measured.")
    return Training(job.fine_tuned_model, speed(job.trained_tokens, seen), peak / 2**30)


async def _news(server: Running, job_id: str, seen: Sequence[Seen]) -> list[Seen]:
    """Return the metrics events not seen before, oldest first, with this moment as their time."""
    page = await server.client.fine_tuning.jobs.list_events(job_id, limit=100)
    now = time.perf_counter()
    known = seen[-1].step if seen else 0
    # the package's type says nothing of what `data` holds
    steps = [int(event.data["step"]) for event in page.data if isinstance(event.data, dict)]
    return [Seen(step, now) for step in sorted(steps) if step > known]


def _trainer_bytes(engine: int) -> int:
    """Return the memory of the engine's children now; at rest it has none."""
    total = 0
    for child in psutil.Process(engine).children(recursive=True):
        try:
            total += child.memory_info().rss
        except psutil.NoSuchProcess:  # it has just ended
            continue
    return total
