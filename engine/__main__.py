"""The model server's command line: `python -m engine --data FOLDER` serves until it is stopped."""

import argparse
import asyncio
import os
from collections.abc import Sequence
from typing import get_args

from engine import command_line, machine_check
from engine.inference.model_cache import ModelCache
from engine.inference.runtimes import Runtimes, RuntimeSetting
from engine.jobs.trainer_process import TrainerProcesses
from engine.serving import Stores, serve, stop_event, working
from engine.startup import Start, StartError, prepared, start_step


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command_line.parser("engine", __doc__)
    parser.add_argument(
        "--trainings",
        type=command_line.count,
        metavar="N",
        default=1,
        help="how many jobs may train at once, if there is memory for them (default: 1)",
    )
    parser.add_argument(
        "--runtime",
        choices=get_args(RuntimeSetting),
        default="auto",
        help="what generates texts from GGUF files: llama.cpp alone, OpenVINO beside it, or (auto, the"
        " default) what a measurement at the first start finds to be faster",
    )
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Run the command line, by default this process's. Exits with a sentence if the engine cannot start."""
    options = arguments().parse_args(words)
    with prepared(options) as start:
        if obstacle := machine_check.obstacle(start.base):
            raise StartError(obstacle)
        asyncio.run(_serve(options, start, os.environ.get("ENGINE_API_KEY")))


async def _serve(options: argparse.Namespace, start: Start, api_key: str | None) -> None:
    """Serve with models in this process, until a signal or the parent's death. Raises StartError."""
    stop = stop_event(with_parent=options.with_parent)
    stores = Stores.open(options.data, start)
    with start_step("OpenVINO cannot be used", "--runtime"):
        runtimes = Runtimes(options.runtime, options.data, start.base.path)
    model_cache = ModelCache(start.base.path, runtimes)
    try:
        trainers = TrainerProcesses(at_once=options.trainings)
        async with working(options, start, stores, model_cache, trainers) as api:
            await serve(options, api, api_key, stop)
    finally:
        await model_cache.close()


if __name__ == "__main__":
    main()
