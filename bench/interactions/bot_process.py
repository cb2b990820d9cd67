"""A bot in a process of its own, connected to the simulated Discord.

    python -m bench.interactions.bot_process WHICH DISCORD MODEL FOLDER

WHICH is `herosmith`, the real bot; `bare`, a discord.py handler that makes the same calls to Discord with a
constant text; or `streaming`, the same with a text that the SDK streams from the model. It prints "ready"
with the heavy libraries that it loaded, and ends when its standard input closes.
"""

import asyncio
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bench.interactions.text import TEXT

_HEAVY = ("torch", "pandas", "numpy", "scipy", "matplotlib", "transformers", "pyarrow")
_MODEL = "smollm2-135m-instruct"
_TOKEN = "MTA0.no-real.token"  # noqa: S105  of the form of a bot's: it begins with an application's id


def report_ready() -> None:
    """Tell the benchmark that the bot is connected."""
    print("ready", *(name for name in _HEAVY if name in sys.modules), flush=True)


class BareBot(discord.Client):
    """The minimal bot that answers /hero: deferred, edited twice, two thumbs."""

    def __init__(self, model: str | None) -> None:
        super().__init__(intents=discord.Intents(guilds=True, reactions=True, guild_messages=True))
        self.tree = app_commands.CommandTree(self)
        self._model = model

    async def setup_hook(self) -> None:
        if self._model:
            from openai import AsyncOpenAI, DefaultAioHttpClient  # noqa: PLC0415

            self._api = AsyncOpenAI(base_url=self._model, api_key="none", http_client=DefaultAioHttpClient())

        @self.tree.command(name="hero", description="Describe a superhero")
        async def hero(interaction: discord.Interaction, hero: str) -> None:
            await interaction.response.defer(thinking=True)
            text = await self._stream(interaction, hero) if self._model else TEXT
            if not self._model:
                await interaction.edit_original_response(embed=_embed(hero, text))
            message = await interaction.edit_original_response(embed=_embed(hero, text))
            for thumb in "👍👎":
                await message.add_reaction(thumb)

    async def _stream(self, interaction: discord.Interaction, hero: str) -> str:
        """Show the first sentence as soon as it is complete; return the whole text."""
        text, shown = "", False
        age, gender, power = hero.split()
        question = f"{age}, {gender}, {power} ->"
        stream = await self._api.chat.completions.create(
            model=_MODEL, messages=[{"role": "user", "content": question}], stream=True
        )
        async for chunk in stream:
            for choice in chunk.choices:
                text += choice.delta.content or ""
            if not shown and ". " in text:
                shown = True
                await interaction.edit_original_response(embed=_embed(hero, text))
        return text

    async def close(self) -> None:
        await super().close()
        if self._model:
            await self._api.close()

    async def on_ready(self) -> None:
        report_ready()


def _embed(hero: str, text: str) -> discord.Embed:
    return discord.Embed(title=hero, description=discord.utils.escape_markdown(text))


async def _herosmith(model: str, folder: Path) -> None:
    from bot.garbage_collection import no_collection  # noqa: PLC0415 (the bare bot must not load it)

    with no_collection():  # as the command line does
        from bot.app import open_app  # noqa: PLC0415
        from bot.client import HeroBot  # noqa: PLC0415
        from bot.monitoring.server import open_monitoring  # noqa: PLC0415
        from bot.settings import Settings  # noqa: PLC0415

    class AnnouncingBot(HeroBot):
        async def on_ready(self) -> None:
            report_ready()

    # one text for each hero: the server knows but one, and another draw would be the same
    settings = Settings(_env_file=None, data_dir=folder, engine_url=model, draws=1)
    async with open_app(settings) as app, AnnouncingBot(app) as bot, open_monitoring(app, bot):
        await _run_until_stdin_closes(bot.serve(_TOKEN))


async def _bare(model: str | None) -> None:
    async with BareBot(model) as bot:
        await _run_until_stdin_closes(bot.start(_TOKEN))


async def _run_until_stdin_closes(serving: Coroutine[Any, Any, None]) -> None:
    work = asyncio.ensure_future(serving)
    closed = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, closed.set)
    closing = asyncio.ensure_future(closed.wait())
    await asyncio.wait({work, closing}, return_when=asyncio.FIRST_COMPLETED)
    if work.done():
        await work
    work.cancel()


def main() -> None:
    """Run the command line."""
    which, server, model, folder = sys.argv[1:]
    Route.BASE = f"{server}/api"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{server}/gateway".replace("http", "ws", 1))
    if which == "herosmith":
        asyncio.run(_herosmith(model, Path(folder)))
    else:
        asyncio.run(_bare(model if which == "streaming" else None))


if __name__ == "__main__":
    main()
