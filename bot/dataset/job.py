"""The build job: what /build-dataset and the demo order, and what the worker then does."""

from dataclasses import asdict
from typing import Any

from bot.dataset.build import Builder
from bot.dataset.freeze import Freezer
from bot.dataset.plan import BuildSpec, Plan, Planner
from bot.jobs import JobBoard
from bot.store.database import Database
from bot.store.jobs import Job
from bot.worker import Run


class BuildJobs:
    """Plans, orders and carries out builds: write, curate, freeze."""

    def __init__(
        self, db: Database, board: JobBoard, planner: Planner, builder: Builder, freezer: Freezer
    ) -> None:
        self._db = db
        self._board = board
        self._planner = planner
        self._builder = builder
        self._freezer = freezer

    async def order(self, spec: BuildSpec, **origin: int | None) -> tuple[Job, Plan]:
        """Queue a build. origin: requester_id and channel_id, where it was ordered in Discord.

        Raises Busy where a build runs.
        """
        plan = await self._planner.plan(self._db, spec)
        return await self._board.submit("build", asdict(spec), **origin), plan

    async def run(self, run: Run) -> dict[str, Any]:
        """Carry the job out. Its result: the dataset's version, whether it is new, and all counts."""
        spec = BuildSpec(**run.job.spec)
        built = await self._builder.build(spec, run.progress)
        frozen, new = await self._freezer.freeze(built.accepted, spec)
        return {
            "dataset": frozen.id,
            "new": new,
            "counts": frozen.counts,
            "asked": built.asked,
            "cached": built.cached,
            "repeated": built.repeated,
            "given_up": built.given_up,
            "rejected": dict(built.rejected),
        }
