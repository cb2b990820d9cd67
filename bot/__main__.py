"""The terminal: `herosmith` = `python -m bot`."""

import asyncio
import logging
import sys
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Annotated, Any

import typer

from bot.children import engine_beside, worker_beside
from bot.errors import HerosmithError
from bot.settings import Settings, load_settings
from bot.terminal.dataset import dataset

cli = typer.Typer(
    help="Herosmith: a Discord bot that owns a language model and improves it with its own users.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
cli.add_typer(dataset, name="dataset")


@cli.command()
def run(
    without_worker: Annotated[bool, typer.Option(help="Leave jobs to a worker that runs elsewhere")] = False,
) -> None:
    """Start the bot: in Discord where DISCORD_TOKEN is set, else in the playground, a local page."""
    settings = _installation()
    if settings.discord_token:
        _go(_discord(settings, settings.discord_token.get_secret_value(), worker=not without_worker))
    else:
        _go(_playground(settings))


@cli.command()
def demo(
    examples: Annotated[int, typer.Option(min=14, help="How many examples to write")] = 84,
    epochs: Annotated[int, typer.Option(min=1, max=10, help="How often the model sees each text")] = 2,
) -> None:
    """Run the whole loop once, in the terminal: build, tune, describe, vote, build again."""
    from bot.demo import run_demo

    _go(run_demo(_settings().within("demo"), examples=examples, epochs=epochs))


@cli.command()
def worker(
    with_parent: Annotated[bool, typer.Option(help="End when standard input does")] = False,
) -> None:
    """Carry out jobs, where the bot runs with --without-worker and the engine has an address (ENGINE_URL)."""
    settings = _settings()
    _log_to_stderr(settings)
    _go(_worker(settings, with_parent=with_parent))


@cli.command()
def models() -> None:
    """List the tuned models of the installation that `run` starts here."""
    _go(_models(_installation()))


@cli.command()
def promote(model: Annotated[int, typer.Argument(help="The model's number in `herosmith models`")]) -> None:
    """Let a model serve in place of the live one."""
    _go(_promote(_installation(), model))


@cli.command()
def extras() -> None:
    """Print the optional parts of the package that these settings need, for `pip install .[...]`."""
    typer.echo(",".join(_settings().extras))


async def _discord(settings: Settings, token: str, *, worker: bool) -> None:
    from bot.app import open_app
    from bot.client import HeroBot

    _log_to_stderr(settings)
    async with AsyncExitStack() as stack:
        reachable = await stack.enter_async_context(engine_beside(settings))
        app = await stack.enter_async_context(open_app(reachable))
        if worker:
            await stack.enter_async_context(worker_beside(reachable))
        bot = await stack.enter_async_context(HeroBot(app))
        await bot.serve(token)


async def _playground(settings: Settings) -> None:
    from bot.playground import run_playground

    _log_to_stderr(settings)
    await run_playground(settings)


async def _worker(settings: Settings, *, with_parent: bool) -> None:
    from bot.app import open_app

    async with engine_beside(settings) as reachable, open_app(reachable) as app:
        print("worker ready", flush=True)
        work = asyncio.create_task(app.worker.run_forever())
        watch = asyncio.create_task(_cancel_at_end_of_input(work)) if with_parent else None
        try:
            await work
        finally:
            if watch:
                watch.cancel()


async def _models(settings: Settings) -> None:
    from bot.app import open_app

    async with open_app(settings) as app:
        for model in await app.registry.every():
            losses = f"{model.metrics.get('loss_before', '?')} -> {model.metrics.get('loss_after', '?')}"
            typer.echo(f"{model.id}\t{model.state}\tdataset v{model.dataset_id}\tloss {losses}\t{model.name}")


async def _promote(settings: Settings, model_id: int) -> None:
    from bot.app import open_app

    async with open_app(settings) as app:
        model = await app.registry.promote(model_id)
        typer.echo(f"{model.name} is live.")


async def _cancel_at_end_of_input(work: "asyncio.Task[None]") -> None:
    """End the work when the parent is gone: its end of our standard input closes with it."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    await reader.read()
    work.cancel()


def _settings() -> Settings:
    try:
        return load_settings(Path(".env"))
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _installation() -> Settings:
    """What `run` runs on: the playground, where there is no token, keeps its data apart from Discord's."""
    settings = _settings()
    return settings if settings.discord_token else settings.within("playground")


def _log_to_stderr(settings: Settings) -> None:
    logging.basicConfig(
        level=settings.log_level,
        format="%(asctime)s %(levelname)-7s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    for chatty in ("alembic", "discord", "openai", "httpx2", "aiohttp"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _go(main: Coroutine[Any, Any, None]) -> None:
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
    import signal

    task = asyncio.ensure_future(main)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task


def main() -> None:
    cli()


if __name__ == "__main__":
    main()
