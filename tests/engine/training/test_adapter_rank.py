"""Adapters of other ranks and scales than usual: saved, merged, trained further, and refused."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.engine.training.test_gguf_weights import PEFT_MERGE
from tests.support.engine_jobs import start
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY


async def _train(engine: EngineProcess, **options: Any) -> Any:
    job = await start(engine.client(), **options)
    return await engine.until(job.id, {"succeeded"})


def _used(job: Any) -> dict[str, Any]:
    used: dict[str, Any] = job.method.to_dict()["supervised"]["hyperparameters"]
    return {name: used.get(name) for name in ("weights", "lora_rank", "lora_rs")}


def _folder(engine: EngineProcess, job: Any) -> Path:
    return engine.data / "models" / str(job.fine_tuned_model).replace(":", "_")


def _merge_differences(base: Path, folder: Path) -> list[float]:
    command = [sys.executable, "-c", PEFT_MERGE, str(base), str(folder)]
    differences: list[float] = json.loads(
        subprocess.run(command, capture_output=True, text=True, check=True).stdout
    )
    return differences


@pytest.mark.slow
async def test_rank_and_scale_are_saved_merged_and_kept(engine: EngineProcess, tiny_base: Path) -> None:
    """What PEFT merges with its own scale is what is served; a further training keeps both."""
    numbers = {"n_epochs": 2, "lora_rank": 4, "lora_rs": True, "learning_rate_multiplier": 10.0}
    job = await _train(engine, hyperparameters=numbers)
    adapter = {"weights": "adapter", "lora_rank": 4, "lora_rs": True}
    assert _used(job) == adapter
    assert "lora_rank" not in job.hyperparameters.to_dict()
    folder = _folder(engine, job)
    config = json.loads((folder / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"], config["use_rslora"]) == (4, 32, True)
    from_export, from_base = await asyncio.to_thread(_merge_differences, tiny_base, folder)
    assert from_export < 0.01
    assert from_base > 0.05

    further = await _train(engine, model=job.fine_tuned_model, hyperparameters={"n_epochs": 1})
    if _used(further)["weights"] == "all":  # which is what the engine chooses
        further = await _train(
            engine, model=job.fine_tuned_model, hyperparameters={"n_epochs": 1, "weights": "adapter"}
        )
    assert _used(further) == adapter
    with pytest.raises(openai.BadRequestError, match=r"rank 4, scaled by its square root"):
        await start(engine.client(), model=job.fine_tuned_model, hyperparameters={"lora_rank": 8})


async def test_a_usual_adapter_is_as_before(adapter_training: Any) -> None:
    assert _used(adapter_training.job) == {"weights": "adapter", "lora_rank": 16, "lora_rs": False}
    config = json.loads((adapter_training.folder / "adapter" / "adapter_config.json").read_text())
    assert (config["r"], config["use_rslora"]) == (16, False)


async def test_all_weights_have_no_rank(training: Any) -> None:
    assert _used(training.job) == {"weights": "all", "lora_rank": None, "lora_rs": None}


@pytest.mark.parametrize(
    ("numbers", "fault"),
    [
        ({"weights": "all", "lora_rank": 8}, "lora_rank.*'weights' is 'all'"),
        ({"weights": "all", "lora_rs": True}, "lora_rs.*'weights' is 'all'"),
        ({"lora_rank": 0}, "lora_rank"),
        ({"lora_rank": 257}, "lora_rank"),
        ({"lora_rs": "yes"}, "lora_rs"),
    ],
)
async def test_what_no_adapter_can_be_is_refused(engine: EngineProcess, numbers: Any, fault: str) -> None:
    with pytest.raises(openai.BadRequestError, match=fault):
        await start(engine.client(), hyperparameters=numbers)


async def test_a_rank_asks_for_an_adapter_which_a_model_of_all_weights_refuses(training: Any) -> None:
    with pytest.raises(openai.BadRequestError, match="give the base as the model"):
        await start(training.engine.client(), model=training.model, hyperparameters={"lora_rank": 8})
    assert TINY in training.model
