"""Generations: does the loop find out what people like?

    python -m bench.generations [--quick] [--json] [--data FOLDER]
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bench.crowd import HOME, crowd
from bench.taste import Taste
from bot.app import App, open_app
from bot.children import engine_beside, worker_beside
from bot.settings import Settings

SEEDS = (1, 2, 3)


@asynccontextmanager
async def installation(data: Path) -> AsyncIterator[App]:
    """The whole bot on a folder of its own, with engine and worker; the environment's settings count for nothing."""
    plain = Settings.model_construct(data_dir=data, home_guilds=frozenset({HOME}), auto_promote=True)
    async with engine_beside(plain) as settings, worker_beside(settings), open_app(settings) as app:
        yield app


async def first_generation(data: Path, *, examples: int, epochs: int) -> None:
    """Build a dataset and tune the first model on it, which goes live."""
    async with installation(data) as app, crowd(app, Taste(app.heroes.curation), members=1, seed=0) as people:
        built = await people.order("build-dataset", limit=examples)
        tuned = await people.order("finetune", epochs=epochs)
        print(built.result, tuned.result, sep="\n")


if __name__ == "__main__":
    asyncio.run(first_generation(Path(sys.argv[1]), examples=150, epochs=3))
