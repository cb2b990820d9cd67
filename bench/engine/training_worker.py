"""One kind of training that does a step whenever it is told to: `python -m bench.engine.training_worker`.

Arguments: the kind, the texts as `engine.jobs.encoding` writes them, the base, and the folder for its
unpacked weights. For each line on stdin it does a step and writes a line of JSON, a `MeasuredStep`. The first
line that it writes says that it is ready.
"""

import json
import resource
import sys
import time
from pathlib import Path

from engine import hyperparameters
from engine.jobs import encoding
from engine.limits import CONTEXT

KINDS = ("peer", "adapter", "all")
_SEED = 1
_ENDLESS = 100  # epochs, more than anybody measures


def main() -> None:
    """Serve steps until stdin ends."""
    from bench.engine.training_peer import PeerModel  # noqa: PLC0415  (loads torch)
    from engine.training.full_model import FullModel  # noqa: PLC0415
    from engine.training.loop import TrainingLoop  # noqa: PLC0415
    from engine.training.lora_model import LoraModel  # noqa: PLC0415
    from engine.training.objectives import SupervisedObjective  # noqa: PLC0415
    from engine.training.trainable_model import StartingWeights  # noqa: PLC0415

    kind, texts, base, cache = sys.argv[1:]
    model_types: dict[str, type[FullModel | LoraModel]] = {
        "peer": PeerModel,
        "adapter": LoraModel,
        "all": FullModel,
    }
    model_type = model_types[kind]
    start = StartingWeights("base", Path(base), Path(cache))
    model = model_type(start, seed=_SEED, max_length=CONTEXT)
    objective = SupervisedObjective(model)
    loop = TrainingLoop(
        model,
        objective,
        objective.prepare(encoding.read(Path(texts))),
        epochs=_ENDLESS,
        batch_size=hyperparameters.BATCH_SIZE,
        learning_rate=hyperparameters.LEARNING_RATES["supervised"][model_type.weights],
        seed=_SEED,
    )
    steps = loop.steps()
    print("ready", flush=True)
    for _ in sys.stdin:
        before = time.process_time()
        step = next(steps)
        usage = resource.getrusage(resource.RUSAGE_SELF)
        print(
            json.dumps(
                {
                    "tokens": step.tokens,
                    "seconds": step.seconds,
                    "cpu": time.process_time() - before,
                    "loss": step.loss,
                    "peak_gib": usage.ru_maxrss / 2**20,
                }
            ),
            flush=True,
        )


if __name__ == "__main__":
    main()
