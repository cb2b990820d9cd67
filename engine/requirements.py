"""What a training takes on this machine, as JSON: `python -m engine.requirements --data FOLDER`.

For programs that look after an installation. It loads no model, downloads nothing and writes nothing.
"""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from engine import hyperparameters, resources, system
from engine.model_size import ModelSize
from engine.storage import weights
from engine.training_request import TrainedWeights


def requirements(base: weights.Weights, data: Path) -> dict[str, Any]:
    """Return what trainings of a base need, and what is free of it, in bytes.

    `weights` is what a training changes if nobody chooses and there is room. `gpu`: the memory that counts is
    then the card's, which is not looked at.
    """
    size = ModelSize.read(base.path)
    kinds: tuple[TrainedWeights, ...] = get_args(TrainedWeights)
    models = min(hyperparameters.EPOCHS, hyperparameters.KEPT_CHECKPOINTS)
    return {
        "base": base.id,
        "parameters": size.parameters,
        "weights": "adapter" if size.parameters > hyperparameters.MAX_PARAMETERS else "all",
        "gpu": system.has_gpu(),
        "needed": {
            kind: {
                "memory": int(resources.memory_needed(size, kind)),
                "disk": int(resources.disk_needed(size, kind, models=models, is_gguf=base.is_gguf)),
            }
            for kind in kinds
        },
        "free": {"memory": system.available_memory(), "disk": system.available_disk(_existing(data))},
    }


def _existing(folder: Path) -> Path:
    """Return the folder, or the one above it that is there: the engine makes the rest."""
    absolute = folder.absolute()
    return next(each for each in (absolute, *absolute.parents) if os.path.isdir(each))  # noqa: PTH112 (False if closed)


def main(words: Sequence[str] | None = None) -> None:
    """Print the requirements, or exit with the sentence that says why they are not known."""
    parser = argparse.ArgumentParser(prog="python -m engine.requirements", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the engine's folder")
    parser.add_argument("--base", metavar="MODEL", help="as of python -m engine")
    options = parser.parse_args(words)
    try:
        found = requirements(weights.find(options.base, may_download=False), options.data)
    except (weights.WeightsError, OSError, ValueError) as error:
        sys.exit(f"engine: {' '.join(str(error).split())}")
    print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
