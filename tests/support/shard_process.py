"""A bot in a process of its own, for tests of several: the real one, at the Discord of bench.interactions.

    python -m tests.support.shard_process DISCORD MODEL FOLDER SECONDS

Settings come from the environment; leases last so many seconds. It prints "ready" once all its shards are,
"ended: " and a sentence if it may not serve, and ends when its standard input closes.
"""

import asyncio
import logging
import sys
from pathlib import Path

import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from bot.app import Timing, open_app
from bot.client import HeroBot
from bot.errors import LoginRefused
from bot.leases import LeaseTiming
from bot.settings import Settings

_TOKEN = "MTA0.no-real.token"  # noqa: S105  of the form of a bot's: it begins with an application's id


def tell(line: str) -> None:
    """Say a line to the test."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class AnnouncingBot(HeroBot):
    """A bot that tells when it is ready."""

    async def on_ready(self) -> None:
        tell("ready")


async def run(model: str, folder: Path, seconds: float) -> None:
    """Serve until standard input closes, or the bot may not serve."""
    leases = LeaseTiming(lasts=seconds, prolong=seconds / 4, look=seconds / 8)
    settings = Settings(_env_file=None, data_dir=folder, engine_url=model, draws=1, cooldown=0)
    async with open_app(settings, Timing(leases=leases)) as app, AnnouncingBot(app) as bot:
        work = asyncio.ensure_future(bot.serve(_TOKEN))
        closed = asyncio.Event()
        asyncio.get_running_loop().add_reader(sys.stdin, closed.set)
        closing = asyncio.ensure_future(closed.wait())
        await asyncio.wait({work, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if work.done():
            await work
        work.cancel()


def main() -> None:
    """Run the command line."""
    discord, model, folder, seconds = sys.argv[1:]
    logging.basicConfig(stream=sys.stderr, level="INFO")
    Route.BASE = f"{discord}/api"
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(f"{discord}/gateway".replace("http", "ws", 1))
    try:
        asyncio.run(run(model, Path(folder), float(seconds)))
    except LoginRefused as refusal:
        tell(f"ended: {refusal}")
        sys.exit(1)


if __name__ == "__main__":
    main()
