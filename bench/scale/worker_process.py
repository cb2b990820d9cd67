"""A worker in a process of its own: `python -m bench.scale.worker_process MODEL FOLDER DATABASE`.

It prints "ready" and runs jobs for a paid model server until it is killed, or its standard input closes.
"""

import asyncio
import sys
from pathlib import Path

from bench.dataset.installation import paid_settings
from bot.app import open_app


async def _work(model: str, folder: Path, database: str) -> None:
    async with open_app(paid_settings(model, folder, database)) as app:
        print("ready", flush=True)
        working = asyncio.ensure_future(app.worker.run_forever())
        asyncio.get_running_loop().add_reader(sys.stdin, working.cancel)
        await asyncio.wait({working})


if __name__ == "__main__":
    _model, _folder, _database = sys.argv[1:]
    asyncio.run(_work(_model, Path(_folder), _database))
