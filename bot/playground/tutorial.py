"""The way through the loop that the page proposes: three commands, and how far one has come."""

from dataclasses import dataclass

from bot.app import App
from bot.store import datasets, descriptions, models


@dataclass(frozen=True, slots=True)
class Step:
    """A line to type, what comes of it, and whether it has been done on this installation."""

    line: str
    hint: str
    done: bool


async def steps(app: App) -> list[Step]:
    """The three steps. What is done is read from what exists, so it outlasts the page."""
    async with app.db.read() as tx:
        dataset = await datasets.get_latest(tx)
        model = await models.get_live(tx)
        hero = await descriptions.has_tuned(tx)
    return [
        Step("/build-dataset limit:24", "Writes 24 examples; Confirm the plan", dataset is not None),
        Step("/finetune epochs:2", "Tunes the model on them; Confirm the plan", model is not None),
        Step("/hero 40 woman healing", "The tuned model answers", hero),
    ]
