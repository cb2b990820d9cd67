"""The playground: the same bot in a local browser page, without Discord.

simcord simulates Discord in memory. The bot, its worker and its engine are the real ones.
"""

import os
import sys
from contextlib import AsyncExitStack

from rich.console import Console

from bot.app import App, open_app
from bot.playground.browser import has_screen, open_in_browser
from bot.playground.server import open_page
from bot.playground.simulated_discord import HOME, open_simulated_discord
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store import descriptions, duels, jobs

_WELCOME = """The playground is open: the real bot on a simulated Discord, in your browser; it guides you.
Ctrl-C ends it. Datasets and models stay in {data}, the channel does not.
[bold]Open:[/bold] [link={url}]{url}[/link]"""


async def run_playground(settings: Settings, *, open_browser: bool) -> None:
    """Serve the page until Ctrl-C. Raise OperatorError if PLAYGROUND_PORT is taken.

    open_browser: whether to open the page where somebody can see it.
    """
    settings = settings.model_copy(update={"home_guilds": frozenset({HOME})})
    console = Console(stderr=True)
    async with AsyncExitStack() as stack:
        with console.status("starting the model engine and the worker ..."):
            reachable = await stack.enter_async_context(run_engine(settings))
            app = await stack.enter_async_context(open_app(reachable))
            await stack.enter_async_context(run_worker(reachable))
            await _forget_previous_channel(app)
            world = await stack.enter_async_context(open_simulated_discord(app))
            page = await stack.enter_async_context(open_page(world, app, settings.playground_port))
        console.print(_WELCOME.format(url=page.url, data=app.settings.data_dir), soft_wrap=True)
        if open_browser and has_screen(os.environ, sys.platform):
            await open_in_browser(page.url)
        await world.follow_real_time()


async def _forget_previous_channel(app: App) -> None:
    """Forget the last run's messages, which ended with it."""
    async with app.db.write() as tx:
        await descriptions.forget_messages(tx)
        await duels.forget_messages(tx)
        await jobs.forget_messages(tx)
