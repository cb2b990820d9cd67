"""What a large build takes: `python -m bench.dataset.memory PART COUNT ...`, a process for each part.

fill puts answers into a database as a build would have, but for every hundredth, without HTTP; job orders
the build, which asks for the missing ones, walks through all, drafts and freezes; tasks is the peer. Each
prints one JSON object.
"""

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Any

from bench.common.installation import installation, questions, wanted, whole_job
from bench.common.rated_texts import describe
from bench.dataset.peers import all_tasks
from bot.app import App
from bot.store import examples
from bot.store.examples import Request

MISSING = 100  # of so many slots one is left out

_CHUNK = 1000  # rows of a transaction


def peak_mib() -> float:
    """The most physical memory that this process has had."""
    with suppress(OSError, StopIteration):  # not Linux
        # not getrusage: a child's maximum begins there with its parent's
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


async def fill(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Keep the first answers to all slots but every hundredth."""
    async with installation(url, folder) as app:
        started, kept = time.perf_counter(), 0
        rows = _answers(app, count)
        while chunk := list(islice(rows, _CHUNK)):
            await _keep(app, chunk)
            kept += len(chunk)
    return {"kept": kept, "seconds": time.perf_counter() - started}


def _answers(app: App, count: int) -> Iterator[tuple[Request, str]]:
    spec = wanted(app, count)
    for number, slot in enumerate(app.planner.slots(spec), 1):
        if number % MISSING:
            request, _ = app.planner.question(spec, slot, 0)
            # the server numbers its own answers from 1 on: none comes twice
            yield request, describe(slot.hero, number + count)


async def _keep(app: App, rows: list[tuple[Request, str]]) -> None:
    async with app.db.write() as tx:
        await examples.expect(tx, [request for request, _ in rows])
        for request, answer in rows:
            await examples.joined(
                tx,
                request.key,
                answer=answer,
                finish_reason="stop",
                prompt_tokens=50,
                completion_tokens=120,
                at=time.time(),
            )


async def job(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Order the build and carry it out."""
    async with installation(url, folder) as app:
        opened = peak_mib()
        done, took = await whole_job(app, count)
    return {
        "mib": peak_mib(),
        "opened_mib": opened,
        "seconds": took.seconds,
        "busy_seconds": took.busy_seconds,
        "result": done.result and done.result.to_json(),
    }


async def tasks(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Make every call of the build a task."""
    async with installation(url, folder) as app:
        asked = questions(app, count)
        opened = peak_mib()
        await all_tasks(asked)
    return {"mib": peak_mib(), "opened_mib": opened}


_PARTS = {"fill": fill, "job": job, "tasks": tasks}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.dataset.memory", description=__doc__)
    parser.add_argument("part", choices=_PARTS)
    parser.add_argument("count", type=int, help="how many examples the build has")
    parser.add_argument("--url", required=True, help="of a server that answers")
    parser.add_argument("--folder", required=True, type=Path, help="of the installation")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(_PARTS[options.part](options.url, options.folder, options.count))))


if __name__ == "__main__":
    main()
