"""Messages whose texts are still being written, in a simulated Discord."""

import asyncio
from collections.abc import Awaitable, Callable

import discord
import pytest
import simcord

from bot.llm.response import read_stream
from bot.llm.stream import Stream
from bot.serving.waiting_queue import WaitingQueue
from tests.conftest import Stage
from tests.support.scripted_server import Script

TYPED = "40 woman healing"
SENTENCE = "Ada mends clocks at night. "


@pytest.fixture
def words_from_outside(env: simcord.Env, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let an action on Discord end while the model is still writing, as on Discord: simcord would wait."""

    def outside(function: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
        async def wait(*args: object) -> object:
            result: object = await env.external_wait(function(*args), reason="the model's words")
            return result

        return wait

    monkeypatch.setattr("bot.llm.client.read_stream", outside(read_stream))
    monkeypatch.setattr(WaitingQueue, "_wait", outside(WaitingQueue._wait))
    for name in ("changed", "until_stopped", "until_served"):
        monkeypatch.setattr(Stream, name, outside(getattr(Stream, name)))


async def half_written(stage: Stage, script: Script, words: int, command: str = "hero") -> discord.Message:
    """What Ana asked for, of which each model has said some words and now says nothing."""
    script.texts = [SENTENCE * 20] * 2
    script.stream.silent_after = words
    await stage.ana.slash(stage.channel, command, hero=TYPED)
    return await until(stage, lambda message: bool(message.embeds))


async def until(
    stage: Stage, seen: Callable[[discord.Message], bool], number: int | None = None
) -> discord.Message:
    """Wait until a message, the newest or one of that id, is as told. Half a beat passes at each look."""
    for _ in range(100):
        await asyncio.sleep(0.02)
        message = next(each for each in reversed(stage.channel.history()) if number in (None, each.id))
        if seen(message):
            return message
        await stage.env.advance_time(0.5)
    raise AssertionError(f"{message.content} {message.embeds}")


def finished(message: discord.Message) -> bool:
    """Whether a description is shown, and tied to its message: the bot's thumbs come after that."""
    return labels(message) == ["Again", "Report"] and {"👍", "👎"} <= {
        str(each) for each in message.reactions
    }


def labels(message: discord.Message) -> list[str | None]:
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [child.label for row in rows for child in row.children if isinstance(child, discord.Button)]


def written(message: discord.Message) -> str:
    return message.embeds[0].description or ""
