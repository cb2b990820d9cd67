"""The page's tutorial: three commands through the loop, and which of them are done."""

from dataclasses import dataclass

from bot.app import App
from bot.store import datasets, descriptions, models


@dataclass(frozen=True, slots=True)
class Step:
    """A line to type, its effect, and whether this installation has done it."""

    line: str
    hint: str
    done: bool


async def steps(app: App) -> list[Step]:
    """Return the three steps. What is done is read from the database, so it survives a restart."""
    async with app.db.read() as tx:
        dataset = await datasets.get_latest(tx)
        model = await models.get_live(tx)
        hero = await descriptions.has_tuned(tx)
    return [
        Step("/build-dataset limit:24", "Writes 24 examples; Confirm the plan", dataset is not None),
        Step("/finetune epochs:2", "Tunes the model on them; Confirm the plan", model is not None),
        Step("/hero 40 woman healing", "The tuned model answers", hero),
    ]
