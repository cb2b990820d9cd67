"""Fine-tuning jobs of an engine under test: upload files, start jobs, find the trainer process."""

import time
from typing import Any

import psutil
from openai import AsyncOpenAI

from tests.support.engine_process import EngineProcess, example, jsonl
from tests.support.eventually import eventually
from tests.support.tiny_engine import TINY


async def upload(client: AsyncOpenAI, examples: Any = None) -> str:
    file = jsonl(map(example, range(20, 44)) if examples is None else examples)
    return (await client.files.create(file=file, purpose="fine-tune")).id


async def start(client: AsyncOpenAI, **options: Any) -> Any:
    request = {
        "model": TINY,
        "training_file": await upload(client),
        "hyperparameters": {"n_epochs": 50},
    } | options
    return await client.fine_tuning.jobs.create(**request)


def trainer_of(engine: EngineProcess) -> psutil.Process:
    """Return the trainer process of the running job, a copy of its template, once it has started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for template in psutil.Process(engine.process.pid).children():
            for trainer in template.children():
                return trainer
        time.sleep(0.05)
    raise AssertionError("no trainer started within a minute")


def has_exited(process: psutil.Process) -> bool:
    """Return whether a process exits within ten seconds."""
    psutil.wait_procs([process], timeout=10)
    return not process.is_running()


async def messages_of(engine: EngineProcess, job_id: str) -> list[str]:
    """Return the messages of a job's events, the oldest first."""
    events = engine.client().fine_tuning.jobs.list_events(job_id, limit=100)
    return [event.message async for event in events][::-1]


async def until_step(engine: EngineProcess, job_id: str, step: int) -> None:
    """Wait for the metrics event of a step."""

    async def reached() -> bool:
        return any(message.startswith(f"Step {step}/") for message in await messages_of(engine, job_id))

    # polled rarely: the trainer runs at the lowest priority
    await eventually(reached, timeout=240, interval=0.1, what=f"step {step} of {job_id}")
