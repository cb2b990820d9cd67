"""Shared fixtures: a tiny base model, an engine that serves it, and one finished training."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai.types.fine_tuning import FineTuningJob

from engine.storage import weights
from tests.support import tiny_model
from tests.support.engine_process import EngineProcess, example, jsonl

TINY = "tiny"


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a GGUF file of random weights."""
    return tiny_model.write(tmp_path_factory.mktemp("base") / "tiny.F32.gguf", weights.find(None).path)


@pytest.fixture(scope="session")
def engine(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineProcess]:
    """Run one engine, shared by all tests that leave it running."""
    with EngineProcess(tmp_path_factory.mktemp("engine"), tiny_base) as running:
        yield running


@dataclass(frozen=True)
class Training:
    """A finished job and its engine."""

    engine: EngineProcess
    job: FineTuningJob

    @property
    def model(self) -> str:
        """The name of the tuned model."""
        assert self.job.fine_tuned_model is not None
        return self.job.fine_tuned_model

    @property
    def folder(self) -> Path:
        """The folder of the tuned model."""
        return self.engine.data / "models" / self.model.replace(":", "_")


@pytest.fixture(scope="session")
def training(engine: EngineProcess) -> Training:
    """Fine-tune the tiny model once in the default way, with held-out data."""
    return _train(engine, learning_rate_multiplier=50.0)


@pytest.fixture(scope="session")
def adapter_training(engine: EngineProcess) -> Training:
    """The same, with an adapter."""
    return _train(engine, learning_rate_multiplier=10.0, weights="adapter")


def _train(engine: EngineProcess, **hyperparameters: Any) -> Training:
    client = engine.blocking_client()
    train = client.files.create(file=jsonl(map(example, range(20, 44))), purpose="fine-tune")
    valid = client.files.create(file=jsonl(map(example, range(60, 66))), purpose="fine-tune")
    method: Any = {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 6} | hyperparameters}}
    job = client.fine_tuning.jobs.create(
        model=TINY,
        training_file=train.id,
        validation_file=valid.id,
        method=method,
        suffix="heroes",
        seed=7,
        metadata={"dataset": "1"},
    )
    deadline = time.monotonic() + 240  # trainers run at the lowest priority
    while job.status not in {"succeeded", "failed", "cancelled"}:
        assert time.monotonic() < deadline, f"not trained within 240 s: {job}"
        time.sleep(0.1)
        job = client.fine_tuning.jobs.retrieve(job.id)
    return Training(engine, job)
