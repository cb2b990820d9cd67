"""How a command of the terminal begins and ends: settings read, the loop run, trouble as a sentence."""

import asyncio
import logging
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import typer

from bot.errors import HerosmithError
from bot.settings import Settings, load_settings


def read_settings() -> Settings:
    """The settings of this folder's .env and environment; their mistakes end the command with exit code 2."""
    try:
        return load_settings(Path(".env"))
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def installation() -> Settings:
    """What `run` runs on: the playground, where there is no token, keeps its data apart from Discord's."""
    found = read_settings()
    return found if found.discord_token else found.within("playground")


def log_to_stderr(found: Settings) -> None:
    logging.basicConfig(
        level=found.log_level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("alembic", "discord", "openai", "httpx2", "aiohttp", "matplotlib"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def go(main: Coroutine[Any, Any, None]) -> None:
    """Run to the end; a foreseen error is a sentence and exit code 1, Ctrl-C and SIGTERM a quiet end."""
    try:
        asyncio.run(_until_told_to_end(main))
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise typer.Exit from None


async def _until_told_to_end(main: Coroutine[Any, Any, None]) -> None:
    """Let SIGTERM end the work as Ctrl-C does, closing everything in order."""
    task = asyncio.ensure_future(main)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
