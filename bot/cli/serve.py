"""`herosmith serve`: the engine of this installation at a fixed address, for programs."""

import asyncio
import shlex
from contextlib import AsyncExitStack
from typing import Annotated
from urllib.parse import urlsplit

import typer

from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import program, shown
from bot.settings import Settings

_DEFAULT_PORT = 8765
_KEY_IN_ENVIRONMENT = '__import__("os").environ["ENGINE_API_KEY"]'
_NO_KEY = "none"  # what clients send to an engine that has no key


def serve(
    port: Annotated[
        int | None,
        typer.Option(
            min=1, max=65535, help=f"Where it listens, on this computer; by default {_DEFAULT_PORT}"
        ),
    ] = None,
    base: Annotated[
        str | None, typer.Option(help="The base that your model was trained from, as given to `tune --base`")
    ] = None,
) -> None:
    """Start the engine for programs, with all models that `tune` trained, and print how to ask it.

    Its API is OpenAI's. If the engine runs already, such as the bot's, print how to ask that one.
    """
    run_command(_serve(installation_settings(), port, base), endless=True)


async def _serve(settings: Settings, port: int | None, base: str | None) -> None:
    from bot.cli.own_engine import connect, find_running, own_engine_at  # noqa: PLC0415 (quick --help)

    running = await find_running(settings, base)
    async with AsyncExitStack() as stack:
        if running is None:
            reachable = await stack.enter_async_context(own_engine_at(settings, base, port or _DEFAULT_PORT))
        else:
            reachable = running
        async with connect(reachable) as engine:
            newest = (await engine.models.names())[-1]
        typer.echo(_text(settings, reachable, newest, runs_already=running is not None))
        if running is not None and port not in (None, urlsplit(str(running.engine_url)).port):
            typer.echo(f"--port {port} changes nothing: to serve there, stop that engine first.")
        if running is None:
            await asyncio.Event().wait()  # until Ctrl-C


def _text(settings: Settings, reachable: Settings, model: str, *, runs_already: bool) -> str:
    """Return where the engine listens, and a line of Python that asks it."""
    if settings.engine_api_key:
        key = _KEY_IN_ENVIRONMENT
        note = "It wants the key ENGINE_API_KEY."
    elif runs_already and settings.starts_engine and _needs_key(reachable):
        key = f'__import__("json").load(open("{shown(settings.data_dir / "engine.json")}"))["key"]'
        note = "It wants the key that the file in the line below has."
    else:
        key = f'"{_NO_KEY}"'
        note = "Every program on this computer may ask it; ENGINE_API_KEY sets a key."
    state = "The engine runs already, at" if runs_already else "The engine listens at"
    ask = (
        f'from openai import OpenAI; print(OpenAI(base_url="{reachable.engine_url}", api_key={key})'
        f'.chat.completions.create(model="{model}", messages=[{{"role": "user", "content": "Hello"}}])'
        ".choices[0].message.content)"
    )
    lines = [
        f"{state} {reachable.engine_url}",
        note,
        f"In Python: {ask}",
        f"All its models: {shlex.join([program(), 'chat', '--list'])}",
    ]
    return "\n".join(lines if runs_already else [*lines, "Ctrl-C stops it."])


def _needs_key(reachable: Settings) -> bool:
    secret = reachable.engine_api_key
    return secret is not None and secret.get_secret_value() != _NO_KEY
