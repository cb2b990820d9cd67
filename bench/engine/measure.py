"""Measure an engine, part by part."""

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from bench.common import machine
from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.engine import first_loop, serving, training_steps
from bench.engine.figures import Figures
from engine.storage import weights

PARTS = ("serving", "training", "loop")


@dataclass(frozen=True)
class Plan:
    """How much is measured: of serving, and the steps of each kind of training."""

    serving: serving.Plan
    steps: int


FULL = Plan(serving.Plan(examples=160, pairs=40, rounds=5, short_chats=20), steps=12)
QUICK = Plan(serving.Plan(examples=32, pairs=10, rounds=2, short_chats=8), steps=3)


async def measure(plan: Plan, parts: Collection[str], base: Path | None, folder: Path) -> Figures:
    """Measure some of PARTS with all data in a folder. Raises BenchError or WeightsError."""
    found = weights.find(base)
    if not found.is_gguf:
        raise BenchError("Only a .gguf base can be measured: it is compared with llama.cpp.")
    load = os.getloadavg()[0]
    log_progress("measuring matrix products ...")
    peak = machine.matrix_peak()
    return Figures(
        peak=peak,
        load=load,
        serving=await serving.measure(plan.serving, base, found.path, found.id, folder)
        if "serving" in parts
        else None,
        training=await training_steps.measure(found.path, plan.steps, {}, folder)
        if "training" in parts
        else None,
        loop=await first_loop.measure(folder / "loop") if "loop" in parts else None,
    )
