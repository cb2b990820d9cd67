"""Ask a model for one description of each hero and keep the raw answers."""

import asyncio
from collections.abc import Callable, Sequence

from bot.app import App
from bot.chat import ChatRequest
from bot.dataset.build.builder import ENGINE_WORKERS
from bot.heroes.adherence import Answer
from bot.heroes.hero import Hero
from bot.llm.budget import Account
from bot.llm.retry import BACKGROUND


async def ask_for_each(
    app: App, model: str, heroes: Sequence[Hero], make_request: Callable[[Hero], ChatRequest]
) -> list[Answer]:
    """Return one raw answer for each hero, in the order of the heroes."""
    slots = asyncio.Semaphore(ENGINE_WORKERS)

    async def ask(hero: Hero) -> Answer:
        async with slots:
            completion = await app.client.complete(
                make_request(hero), model=model, account=Account("hero"), retry_policy=BACKGROUND
            )
        return Answer(hero, completion.text, completion.finish_reason)

    return list(await asyncio.gather(*map(ask, heroes)))
