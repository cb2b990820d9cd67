"""Messages whose texts are still being generated, in a simulated Discord."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import discord
import pytest
import simcord

from bot.app import App
from bot.llm.response import StreamReader
from bot.llm.stream import Stream
from bot.serving.waiting_queue import WaitingQueue
from tests.conftest import Stage
from tests.support.scripted_server import Script

TYPED = "40 woman healing"
_PATIENCE = 20.0  # seconds until a test gives up; the simulated time stays below that of an interaction
SENTENCE = "Ada mends clocks at night. "


@pytest.fixture
def unsettled_streams(env: simcord.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a simulated action end while a text is still generated, as on Discord.

    simcord ends an action when all tasks of the bot are idle, and must be told which of their waits are for
    the outside world. These public methods are where the bot waits for a model, or for the person who stops
    it: each is wrapped in simcord's external_wait().
    """

    def external(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def wait(*args: Any) -> Any:
            return await env.external_wait(method(*args), reason="the model's answer")

        return wait

    waits: tuple[tuple[type, str], ...] = (
        (StreamReader, "read"),
        (WaitingQueue, "wait"),
        (Stream, "changed"),
        (Stream, "until_stopped"),
        (Stream, "until_served"),
    )
    for owner, name in waits:
        monkeypatch.setattr(owner, name, external(getattr(owner, name)))


@asynccontextmanager
async def all_slots(app: App) -> AsyncIterator[None]:
    """Occupy the model with other requests until the block ends, so that new ones must queue."""
    queue = app.describer._queue
    async with AsyncExitStack() as others:
        for _ in range(app.settings.heroes_at_once):
            await others.enter_async_context(queue.slot(Stream()))
        yield


async def half_written(stage: Stage, script: Script, words: int, command: str = "hero") -> discord.Message:
    """Return the message of a hero that Ana asked for, when each model has fallen silent after some words."""
    script.texts = [SENTENCE * 20] * 2
    script.stream.silent_after = words
    await stage.ana.slash(stage.channel, command, hero=TYPED)
    return await until(stage, lambda message: bool(message.embeds))


async def until(
    stage: Stage, condition: Callable[[discord.Message], bool], message_id: int | None = None
) -> discord.Message:
    """Wait until a message, by default the newest, meets a condition, and return it.

    Advances the simulated time by half an edit interval at each look.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        await asyncio.sleep(0.02)  # real time, for the real HTTP connection to the scripted server
        history = reversed(stage.channel.history())
        message = next(each for each in history if message_id in (None, each.id))
        if condition(message):
            return message
        await stage.env.advance_time(0.5)
    raise AssertionError(f"{message.content} {message.embeds}")


def finished(message: discord.Message) -> bool:
    """Return whether a description is shown and tied to its message: the bot adds its thumbs after that."""
    return "Report" in labels(message) and {"👍", "👎"} <= {str(reaction) for reaction in message.reactions}


def labels(message: discord.Message) -> list[str]:
    """Return the labels of a message's buttons, or their emoji."""
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [
        child.label or str(child.emoji)
        for row in rows
        for child in row.children
        if isinstance(child, discord.Button)
    ]


def embed_text(message: discord.Message) -> str:
    return message.embeds[0].description or ""
