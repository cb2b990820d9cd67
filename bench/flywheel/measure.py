"""Run all generations of all seeds, and keep what each part measured, so that a stopped run can go on."""

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.common.report import log_progress
from bench.flywheel.generations import Size, first_generation, later_generations, without_votes


async def measure(
    data: Path, size: Size, seeds: tuple[int, ...], *, engine_url: str | None = None
) -> dict[str, Any]:
    """Run the first generation, the later ones of each seed, and those without votes. Return all figures.

    data: the folder of all installations; what it holds of an earlier run is not run again.
    engine_url: a model server that runs already; None to start one.
    """
    origin = data / "first"
    first = await _run_once(
        data / "first.json", partial(first_generation, origin, size, engine_url=engine_url)
    )
    control = await _run_once(
        data / "without_votes.json",
        partial(without_votes, origin, data / "without_votes", size, engine_url=engine_url),
    )
    by_seed = {
        str(seed): await _run_once(
            data / f"seed{seed}.json",
            partial(later_generations, origin, data / f"seed{seed}", size, seed, engine_url=engine_url),
        )
        for seed in seeds
    }
    return {
        "size": asdict(size),
        "minutes": round(sum(part["minutes"] for part in (first, *by_seed.values(), control)), 1),
        "first": first["figures"],
        "seeds": {seed: part["figures"] for seed, part in by_seed.items()},
        "without_votes": control["figures"],
    }


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, and the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")


def _read_json(path: Path) -> Any:
    """Return what a JSON file holds, or None if there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


async def _run_once(path: Path, work: Callable[[], Awaitable[Any]]) -> Any:
    """Return the figures and minutes of some work: from the file if it exists, otherwise run and write it."""
    stored = _read_json(path)
    if stored is not None:
        return stored
    log_progress(f"{path.stem} ...")
    started = time.monotonic()
    figures = await work()
    result = {"figures": figures, "minutes": round((time.monotonic() - started) / 60, 1)}
    write_json(path, result)
    return result
