"""Good base models and what they take here, as JSON: `python -m engine.bases --data FOLDER --table FILE`.

For programs that help to choose one. It measures this machine for some seconds, unless --no-probe says that
it is busy, loads only the packaged weights, downloads nothing, and writes nothing into the data folder.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine import hyperparameters, resources, system, tunability
from engine.bases.probe import Probe, measure
from engine.bases.table import KnownBase, read_table
from engine.training_request import TrainedWeights

_ADAPTER_SHARE = 2 / 3  # of what all weights compute: no gradients of the weights themselves


def estimates(
    bases: Sequence[KnownBase], probe: Probe | None, *, tokens: int, memory: int, disk: int
) -> list[dict[str, Any]]:
    """Return what each base takes, in bytes, minutes and words a second; None is unknown.

    `tokens` are those of an epoch of the training that is estimated, `memory` and `disk` the bytes that are
    free here.
    """
    return [_estimate(base, probe, tokens=tokens, memory=memory, disk=disk) for base in bases]


def _estimate(base: KnownBase, probe: Probe | None, *, tokens: int, memory: int, disk: int) -> dict[str, Any]:
    download = 0 if base.hub is None or base.is_here else base.file_bytes
    serving = resources.serving_memory(base.file_bytes, base.cached_numbers)
    told = base.model_dump(include={"title", "note", "architecture", "parameters", "licence", "licence_url"})
    return told | {
        "base": base.hub,
        "model": base.model,
        "gated": base.gated,
        "file_bytes": base.file_bytes,
        "download_bytes": download,
        "serving": {
            "memory": int(serving),
            "fits": serving <= memory and download <= disk,
            "words_per_second": probe and round(probe.words_of(base.file_bytes), 1),
        },
        "tuning": _tuning(base, probe, tokens=tokens, memory=memory, disk=disk),
    }


def _tuning(base: KnownBase, probe: Probe | None, *, tokens: int, memory: int, disk: int) -> dict[str, Any]:
    """Return what a training would change by default, what that takes, and what hinders it."""
    size = base.size
    needs: dict[TrainedWeights, tuple[int, int]] = {
        kind: (int(resources.memory_needed(size, kind)), int(_disk_needed(base, kind)))
        for kind in ("all", "adapter")
    }
    is_small = size.parameters <= hyperparameters.MAX_PARAMETERS
    fits_all = needs["all"][0] <= memory and needs["all"][1] <= disk
    kind: TrainedWeights = "all" if is_small and fits_all else "adapter"
    needed_memory, needed_disk = needs[kind]
    shortage = resources.shortage("memory", needed_memory, memory) or resources.shortage(
        "disk", needed_disk, disk
    )
    obstacle = tunability.architecture_obstacle(base.architecture) or (f"{shortage}." if shortage else "")
    seconds = None
    if probe and not obstacle:
        share = 1.0 if kind == "all" else _ADAPTER_SHARE
        seconds = probe.training_seconds(tokens * hyperparameters.EPOCHS, size.parameters, share=share)
    return {
        "weights": kind,
        "memory": needed_memory,
        "disk": needed_disk,
        "minutes": None if seconds is None else round(seconds / 60, 1),
        "obstacle": obstacle or None,
    }


def _disk_needed(base: KnownBase, kind: TrainedWeights) -> float:
    models = min(hyperparameters.EPOCHS, hyperparameters.KEPT_CHECKPOINTS)
    return resources.disk_needed(base.size, kind, models=models, is_gguf=True)


def _existing(folder: Path) -> Path:
    """Return the folder, or the one above it that is there."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if os.path.isdir(each))  # noqa: PTH112 (False if closed)


def main(words: Sequence[str] | None = None) -> None:
    """Print the bases, or exit with the sentence that says why they are not known."""
    parser = argparse.ArgumentParser(prog="python -m engine.bases", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the engine's folder")
    parser.add_argument("--table", type=Path, required=True, help="the TOML file with the bases")
    parser.add_argument("--tokens", type=int, required=True, help="those of one epoch of a training")
    parser.add_argument("--no-probe", action="store_true", help="do not measure this machine")
    options = parser.parse_args(words)
    try:
        bases = read_table(options.table)
    except (OSError, ValueError) as error:
        sys.exit(f"engine: {options.table} cannot be read: {' '.join(str(error).split())}")
    memory, disk = system.available_memory(), system.available_disk(_existing(options.data))
    probe, reason = None, None
    if not options.no_probe:
        try:
            probe = measure()
        except Exception as error:  # noqa: BLE001  the rest is known without it
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
    found = estimates(bases, probe, tokens=options.tokens, memory=memory, disk=disk)
    report = {
        "probe": asdict(probe) if probe else None,
        "probe_error": reason,
        "epochs": hyperparameters.EPOCHS,
        "free": {"memory": memory, "disk": disk},
        "bases": found,
    }
    print(json.dumps(report))  # noqa: T201


if __name__ == "__main__":
    main()
