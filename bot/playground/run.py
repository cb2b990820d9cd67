"""The playground: the same bot in a local browser page, without Discord.

simcord simulates Discord in memory. The bot, its worker and its engine are the real ones.
"""

import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from rich.console import Console
from rich.text import Text

from bot.app import App, open_app
from bot.engine_download import EngineDownload
from bot.local_page.browser import has_screen, open_in_browser
from bot.playground.server import open_page
from bot.playground.simulated_discord import HOME, SimulatedDiscord, open_simulated_discord
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store import card_posts, descriptions, duels, jobs

_WELCOME = """The playground is open: the real bot on a simulated Discord, in your browser; it guides you.
Ctrl-C ends it. Datasets and models stay in {data}, the channel does not.
[bold]Open:[/bold] [link={url}]{url}[/link]"""


async def run_playground(settings: Settings, *, open_browser: bool) -> None:
    """Serve the page until Ctrl-C. Raise OperatorError if PLAYGROUND_PORT is taken.

    open_browser: whether to open the page where somebody can see it.
    """
    alone = {"shard_ids": None, "shard_count": None}  # the playground has one server
    settings = settings.model_copy(update={"home_guilds": frozenset({HOME}), **alone})
    console = Console(stderr=True)
    async with AsyncExitStack() as stack:
        with console.status("starting the model engine and the worker ...") as status:

            def show_download(download: EngineDownload) -> None:
                status.update(Text(str(download.message())))

            engine = run_engine(settings, on_download=show_download if console.is_terminal else None)
            reachable = await stack.enter_async_context(engine)
            app = await stack.enter_async_context(open_app(reachable))
            await stack.enter_async_context(run_worker(reachable))
            world = await stack.enter_async_context(open_channel(app))
            page = await stack.enter_async_context(open_page(world, app, settings.playground_port))
        console.print(_WELCOME.format(url=page.url, data=app.settings.data_dir), soft_wrap=True)
        if open_browser and has_screen(os.environ, sys.platform):
            await open_in_browser(page.url)
        await world.follow_real_time()


@asynccontextmanager
async def open_channel(app: App) -> AsyncIterator[SimulatedDiscord]:
    """Open a new channel in place of the last run's, whose messages ended with it.

    Jobs that were ordered there are shown in the new one, if they have not ended, or ended unseen. The bot
    greets it as a server that it joins.
    """
    await app.onboarding.release_greeting(HOME)
    async with app.db.write() as tx:
        await card_posts.forget_messages(tx)
        await descriptions.forget_messages(tx)
        await duels.forget_messages(tx)
        await jobs.forget_messages(tx)
    async with open_simulated_discord(app) as world:
        async with app.db.write() as tx:
            await jobs.adopt(tx, world.channel.id)
        yield world
