"""Memory and time of a large build: `python -m bench.dataset.memory PART COUNT ...`, a process per part.

fill stores the answers to all slots except every hundredth, without HTTP. job runs the build, which asks for
the missing ones, goes through all slots, drafts and freezes. tasks is the baseline. Each part prints one JSON
object.
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

from bench.common.canned_answers import canned_answer
from bench.dataset.baselines import wait_as_tasks
from bench.dataset.installation import build_questions, build_spec, installation, run_build_job
from bot.app import App
from bot.store import examples
from bot.store.examples import Request

MISSING = 100  # one slot in so many is left out

_CHUNK = 1000  # rows per transaction


def peak_mib() -> float:
    """Return the peak resident memory of this process."""
    with suppress(OSError, StopIteration):  # not Linux
        # not getrusage: there a child's maximum starts at its parent's
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 1024


async def fill(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Store answers to all slots except every hundredth."""
    async with installation(url, folder) as app:
        started, kept = time.perf_counter(), 0
        rows = _answers(app, count)
        while chunk := list(islice(rows, _CHUNK)):
            await _keep(app, chunk)
            kept += len(chunk)
    return {"kept": kept, "seconds": time.perf_counter() - started}


def _answers(app: App, count: int) -> Iterator[tuple[Request, str]]:
    spec = build_spec(app, count)
    for number, slot in enumerate(app.planner.slots(spec), 1):
        if number % MISSING:
            request, _ = app.planner.question(spec, slot, 0)
            # the server numbers its own answers from 1, so none is a duplicate
            yield (
                request,
                canned_answer(slot.hero, number + count),
            )


async def _keep(app: App, rows: list[tuple[Request, str]]) -> None:
    async with app.db.write() as tx:
        await examples.add_requests(tx, [request for request, _ in rows])
        for request, answer in rows:
            await examples.add_answer(
                tx,
                request.key,
                answer=answer,
                finish_reason="stop",
                prompt_tokens=50,
                completion_tokens=120,
                at=time.time(),
            )


async def job(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Submit the build job and run it."""
    async with installation(url, folder) as app:
        opened = peak_mib()
        completed, elapsed = await run_build_job(app, count)
    return {
        "mib": peak_mib(),
        "opened_mib": opened,
        "seconds": elapsed.seconds,
        "busy_seconds": elapsed.cpu_seconds,
        "result": completed.result and completed.result.to_json(),
    }


async def tasks(url: str, folder: Path, count: int) -> dict[str, Any]:
    """Make every call of the build a waiting task."""
    async with installation(url, folder) as app:
        prompts = build_questions(app, count)
        opened = peak_mib()
        await wait_as_tasks(prompts)
    return {"mib": peak_mib(), "opened_mib": opened}


_PARTS = {"fill": fill, "job": job, "tasks": tasks}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.dataset.memory", description=__doc__)
    parser.add_argument("part", choices=_PARTS)
    parser.add_argument("count", type=int, help="number of examples of the build")
    parser.add_argument("--url", required=True, help="base URL of the model server")
    parser.add_argument("--folder", required=True, type=Path, help="data folder of the installation")
    options = parser.parse_args()
    print(json.dumps(asyncio.run(_PARTS[options.part](options.url, options.folder, options.count))))


if __name__ == "__main__":
    main()
