"""The command line: all commands of `herosmith`."""

import asyncio
import logging
import sys
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.backup import backup, restore
from bot.cli.chat import chat
from bot.cli.commands import HEROES, IMPROVE, OPERATE, OWN_DATA, START, CommandGroup, Json
from bot.cli.dataset import dataset
from bot.cli.db import db
from bot.cli.delete import delete
from bot.cli.doctor import doctor
from bot.cli.engine import engine
from bot.cli.finetune import finetune
from bot.cli.gallery import gallery
from bot.cli.hero import hero
from bot.cli.invite import invite
from bot.cli.jobs import jobs
from bot.cli.languages import languages
from bot.cli.models import models
from bot.cli.people import people
from bot.cli.powers import powers
from bot.cli.prune import prune
from bot.cli.runtime import (
    installation_settings,
    log_to_stderr,
    read_settings,
    run_command,
    warn_of_misspelt_settings,
)
from bot.cli.serve import serve
from bot.cli.tune import tune
from bot.errors import LoginRefused
from bot.extras import require_extras
from bot.garbage_collection import no_collection
from bot.processes import run_engine, run_worker
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.connection.failed_starts import FailedStarts

log = logging.getLogger(__name__)

cli = CommandGroup("A Discord bot that owns a small language model and improves it with its users' votes.")


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"herosmith {version('herosmith')}")
        raise typer.Exit


@cli.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version")
    ] = False,
) -> None:
    pass


@cli.command(rich_help_panel=START)
def run(
    without_worker: Annotated[
        bool,
        typer.Option(
            "--without-worker", help="Leave builds and trainings to a `herosmith worker` that you start"
        ),
    ] = False,
    no_open: Annotated[
        bool, typer.Option("--no-open", help="Do not open the playground in the browser")
    ] = False,
) -> None:
    """Start the bot: in Discord if DISCORD_TOKEN is set, else in the playground, a local page."""
    settings = installation_settings(begins=True)
    if settings.discord_token:
        token = settings.discord_token.get_secret_value()
        bot = _discord(settings, token, worker=not without_worker)
    else:
        bot = _playground(settings, open_browser=not no_open)
    run_command(bot, endless=True)


@cli.command(rich_help_panel=START)
def demo(
    examples: Annotated[
        int | None,
        typer.Option(
            min=14,
            help="Let the base write this many texts, in place of those that come with the bot; "
            "a few teach little",
        ),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, max=10, help="How often the model reads each text")] = 2,
    as_json: Json = False,
) -> None:
    """Run the whole loop once, in the terminal: build, train, describe, vote, build again."""
    from bot.cli.demo import run_demo

    settings = read_settings().within("demo")
    run_command(run_demo(settings, examples=examples, epochs=epochs, as_json=as_json))


cli.command(rich_help_panel=HEROES)(hero)
cli.command(rich_help_panel=HEROES)(gallery)
cli.add_typer(dataset, name="dataset", rich_help_panel=IMPROVE)
cli.command(rich_help_panel=IMPROVE)(finetune)
cli.add_typer(models, name="models", rich_help_panel=IMPROVE)
cli.add_typer(powers, name="powers", rich_help_panel=IMPROVE)
cli.command(rich_help_panel=OWN_DATA)(tune)
cli.command(rich_help_panel=OWN_DATA)(chat)
cli.command(rich_help_panel=OWN_DATA)(serve)
cli.command(rich_help_panel=OWN_DATA)(delete)
cli.add_typer(jobs, name="jobs", rich_help_panel=OPERATE)
cli.add_typer(people, name="people", rich_help_panel=OPERATE)
cli.add_typer(engine, name="engine", rich_help_panel=OPERATE)
cli.command(rich_help_panel=OPERATE)(doctor)
cli.command(rich_help_panel=OPERATE)(backup)
cli.command(rich_help_panel=OPERATE)(restore)
cli.add_typer(db, name="db", rich_help_panel=OPERATE)
cli.command(rich_help_panel=OPERATE)(prune)
cli.command(rich_help_panel=OPERATE)(invite)
cli.add_typer(languages, name="languages", rich_help_panel=OPERATE)


@cli.command(rich_help_panel=OPERATE)
def worker(
    with_parent: Annotated[
        bool, typer.Option("--with-parent", hidden=True)
    ] = False,  # end with standard input
) -> None:
    """Carry out builds and trainings, for a bot that runs with --without-worker and ENGINE_URL."""
    # a parent has set DATA_DIR to the installation's folder
    settings = read_settings() if with_parent else installation_settings(begins=True)
    if with_parent and settings.metrics_port:  # the bot has this one
        settings = settings.model_copy(update={"metrics_port": settings.metrics_port + 1})
    log_to_stderr(settings, process="worker")
    run_command(_worker(settings, with_parent=with_parent), endless=True)


@cli.command(rich_help_panel=OPERATE)
def extras() -> None:
    """Print the parts that `make run` installs for these settings: `pip install .[PARTS]`."""
    typer.echo(",".join(read_settings().extras))


async def _discord(settings: Settings, token: str, *, worker: bool) -> None:
    with no_collection():
        from bot.app import open_app
        from bot.client import HeroBot
        from bot.connection.login import ReconnectFilter
        from bot.monitoring.server import open_monitoring

    log_to_stderr(settings, process=_name_of(settings))
    warn_of_misspelt_settings()
    for name in ("discord.client", "discord.shard"):
        logging.getLogger(name).addFilter(ReconnectFilter())
    async with AsyncExitStack() as stack:
        reachable = await stack.enter_async_context(run_engine(settings))
        app = await stack.enter_async_context(open_app(reachable))
        if worker:
            await stack.enter_async_context(run_worker(reachable, metrics_port=settings.metrics_port))
        bot = await stack.enter_async_context(HeroBot(app))
        await stack.enter_async_context(open_monitoring(app, bot))
        try:
            await bot.serve(token)
        except LoginRefused as refusal:
            await _wait_before_exit(refusal, bot.failed_starts)
            raise typer.Exit(1) from None


def _name_of(settings: Settings) -> str:
    """Return the process's name in JSON lines of the log, by which several are told apart."""
    return "bot" if settings.shards.are_all else f"bot {settings.shards}"


async def _wait_before_exit(refusal: LoginRefused, failed_starts: "FailedStarts") -> None:
    """Tell the owner, and wait: a supervisor starts the bot again as soon as it ends."""
    first, longest = (60.0, 3600.0) if refusal.lasting else (2.0, 900.0)
    pause = failed_starts.add(first=first, longest=longest)
    typer.echo(f"{refusal}\nThe bot ends in {pause:.0f} seconds, or at once with Ctrl-C.", err=True)
    await asyncio.sleep(pause)


@cli.command(rich_help_panel=OPERATE)
def dashboard(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The page's port; 0 takes another free one at each start")
    ] = 0,
    no_open: Annotated[bool, typer.Option("--no-open", help="Do not open the page in the browser")] = False,
) -> None:
    """Open a page of jobs, datasets, models, votes, spending and health, beside the bot or without it."""
    settings = installation_settings()
    run_command(_dashboard(settings, port=port, open_browser=not no_open), endless=True)


async def _dashboard(settings: Settings, *, port: int, open_browser: bool) -> None:
    from bot.dashboard.run import run_dashboard

    log_to_stderr(settings, process="dashboard", quiet=True)
    await run_dashboard(settings, port=port, open_browser=open_browser)


async def _playground(settings: Settings, *, open_browser: bool) -> None:
    needed = ["engine", "playground"] if settings.starts_engine else ["playground"]
    require_extras(*needed)  # named together, so that one command installs them
    from bot.playground.run import run_playground

    # what goes well is seen on the page; in the terminal it would hide the address, for a person
    log_to_stderr(settings, quiet=settings.log_format == "human")
    warn_of_misspelt_settings()
    if settings.metrics_port:
        log.warning("METRICS_PORT has no effect in the playground: only a bot in Discord serves metrics")
    if settings.shard_count:
        log.warning("SHARD_COUNT and SHARD_IDS have no effect in the playground: it has one server")
    await run_playground(settings, open_browser=open_browser)


async def _worker(settings: Settings, *, with_parent: bool) -> None:
    with no_collection():
        from bot.app import open_app
        from bot.jobs.worker_lock import worker_lock
        from bot.monitoring.server import open_monitoring

    async with AsyncExitStack() as stack:
        reachable = await stack.enter_async_context(run_engine(settings))
        app = await stack.enter_async_context(open_app(reachable))
        stack.enter_context(worker_lock(settings.data_dir))
        await stack.enter_async_context(open_monitoring(app))
        if with_parent or settings.log_format == "human":  # the parent waits for this line
            print("worker ready", flush=True)
        else:
            log.info("worker ready")
        worker = asyncio.create_task(app.worker.run_forever())
        parent_watch = asyncio.create_task(_cancel_at_end_of_input(worker)) if with_parent else None
        try:
            await worker
        finally:
            if parent_watch:
                parent_watch.cancel()


async def _cancel_at_end_of_input(worker: "asyncio.Task[None]") -> None:
    """Cancel the worker when its parent ends: the parent holds the other end of standard input."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    worker.cancel()
