"""The playground: the same bot in a local browser page, without Discord.

simcord simulates Discord in memory. The bot, its worker and its engine are the real ones.
"""

from contextlib import AsyncExitStack

from rich.console import Console

from bot.app import App, open_app
from bot.playground.server import open_page
from bot.playground.simulated_discord import HOME, open_simulated_discord
from bot.processes import run_engine, run_worker
from bot.settings import Settings
from bot.store import descriptions, duels, jobs

_WELCOME = """[bold]The playground is open:[/bold] [link={url}]{url}[/link]

You are [bold]olga[/bold], an operator; at the top of the page you may switch to
[bold]ana[/bold] or [bold]ben[/bold], plain members.
Type one after the other, or click them at the top of the page:
  /build-dataset limit:24     shows a plan; Confirm writes it (about a minute; without limit all 294)
  /finetune epochs:2          shows a plan; Confirm tunes the model on it (a minute or two)
  /hero 40 woman healing      the tuned model answers
Then, as ana and as ben, click 👍 under what you like, and as olga /build-dataset limit:24 again:
what two people besides the asker liked is in the next dataset.
Ctrl-C ends it; datasets and models stay in {data}, the channel does not."""


async def run_playground(settings: Settings) -> None:
    """Serve the page until Ctrl-C. Raise OperatorError if PLAYGROUND_PORT is taken."""
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
        await world.follow_real_time()


async def _forget_previous_channel(app: App) -> None:
    """Forget the last run's messages, which ended with it."""
    async with app.db.write() as tx:
        await descriptions.forget_messages(tx)
        await duels.forget_messages(tx)
        await jobs.forget_messages(tx)
