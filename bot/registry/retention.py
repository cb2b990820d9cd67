"""Which models have to stay: those that answer, may go live, or may have to answer again."""

from typing import Literal

from bot.registry import lifecycle
from bot.store import jobs, models, trials
from bot.store.database import Transaction
from bot.store.job_schema import FinetuneSpec

Reason = Literal["live", "may go live", "rollback", "on trial", "of a job"]
"""Why a model stays.

may go live: it is a candidate (also one that may win its place back), waits for its check, or was held back
and may be overruled. rollback: it takes over if the live one is taken back or lost. of a job: an unfinished
job made it, or trains from it.
"""


async def needed_models(tx: Transaction) -> dict[str, Reason]:
    """Return the models that have to stay, by their names at the server, each with its first reason."""
    needed: dict[str, Reason] = {}
    found = {model.id: model for model in await models.list_all(tx)}
    for model in found.values():
        if model.state == "live":
            needed[model.name] = "live"
        elif model.state != "retired":
            needed[model.name] = "may go live"
    live = await models.get_live(tx)
    before = await lifecycle.predecessor(tx, live) if live else None
    if before:
        needed.setdefault(before.name, "rollback")
    running = await trials.get_running(tx)
    for model_id in (running.live_id, running.candidate_id) if running else ():
        needed.setdefault(found[model_id].name, "on trial")
    plan = await jobs.newest(tx, "finetune")
    for job in [*await jobs.list_active(tx, "finetune"), *([plan] if plan and not plan.ended else [])]:
        for model in found.values():
            if model.job_id == job.id or model.name == job.spec_as(FinetuneSpec).base:
                needed.setdefault(model.name, "of a job")
    return needed
