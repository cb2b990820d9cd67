"""`herosmith chat`: ask a model of the engine anything."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from typing import Annotated

import typer

from bot.chat import Message
from bot.cli.commands import Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json, print_table, program
from bot.errors import UserError
from bot.settings import Settings
from bot.tuning.model_names import is_tuned, short_name, training_name

_Ask = Callable[[list[Message]], AsyncIterator[str]]
"""Yields the answer to a conversation, in parts."""

_PROMPT = "> "
_FORGET = "/new"


def chat(
    model: Annotated[
        str | None,
        typer.Argument(help="A model's name, as `--list` shows it; by default the base"),
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Ask this and print the answer, in place of a talk")
    ] = None,
    system: Annotated[str | None, typer.Option(help="What to tell the model first")] = None,
    base: Annotated[
        str | None, typer.Option(help="The base that the model was trained from, as given to `tune --base`")
    ] = None,
    temperature: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=2,
            help="How freely it chooses its words: 0 always the likeliest; by default 0.2 for a"
            " model that `tune` trained, else 0.8",
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The same number gives the same answer each time")] = None,
    list_models: Annotated[bool, typer.Option("--list", help="List the models that can be asked")] = False,
    as_json: Json = False,
) -> None:
    """Talk to a model: one of your own, one of heroes, or the base."""
    if as_json and message is None and not list_models:
        raise typer.BadParameter("--json is for --message and --list.", param_hint="--json")
    if message is None and not list_models and not sys.stdin.isatty():
        raise typer.BadParameter("There is no terminal to type in: ask with --message TEXT.")
    if message is not None and not message.strip():
        raise typer.BadParameter("There is no text to answer: write a question.", param_hint="--message")
    opening: list[Message] = [{"role": "system", "content": system}] if system else []
    settings = installation_settings()
    if list_models:
        run_command(_list(settings, base, as_json=as_json))
    else:
        run_command(
            _chat(settings, model, opening, message, base, _Sampling(temperature, seed), as_json=as_json)
        )


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How an answer is drawn; None leaves it to the model."""

    temperature: float | None
    seed: int | None


async def _chat(
    settings: Settings,
    model: str | None,
    opening: list[Message],
    message: str | None,
    base: str | None,
    sampling: _Sampling,
    *,
    as_json: bool,
) -> None:
    from bot.cli.own_engine import open_engine  # noqa: PLC0415 (so that --help is quick)
    from bot.tuning.own_chat import answer as answer_of  # noqa: PLC0415

    async with open_engine(settings, base) as engine:
        name = await engine.models.resolve(model)
        ask = partial(answer_of, engine.api, name, temperature=sampling.temperature, seed=sampling.seed)
        if message is None:
            typer.echo(f"{model or name}. End with Ctrl-D, begin anew with {_FORGET}.")
            await _talk(ask, opening)
            return
        answer = await _answer(ask, [*opening, {"role": "user", "content": message}], quiet=as_json)
        if as_json:
            print_json({"model": name, "message": message, "answer": answer})


async def _list(settings: Settings, base: str | None, *, as_json: bool) -> None:
    """Print what to type for each model, its name in the engine's API, and unfinished trainings."""
    from bot.cli.own_engine import open_engine  # noqa: PLC0415 (so that --help is quick)

    async with open_engine(settings, base) as engine:
        names = await engine.models.names()
        unfinished = [training_name(job) for job in await engine.trainings.unfinished_of_ones_own()]
    found: list[dict[str, object]] = [
        {"name": short_name(names, name), "tuned": is_tuned(name), "unfinished": False, "model": name}
        for name in names
    ]
    found += [{"name": name, "tuned": False, "unfinished": True, "model": None} for name in unfinished]
    if as_json:
        print_json(found)
        return
    rows = [
        (each["name"], "not finished" if each["unfinished"] else each["tuned"], each["model"])
        for each in found
    ]
    print_table(("name", "trained", "in the engine's API"), rows)
    for name in unfinished:
        typer.echo(
            f"{name}: to go on with it, start its training again as before; to end it for good: "
            f"{program()} delete {shlex.quote(name)}"
        )
    typer.echo(f"{program()} serve starts the engine's API for programs.")


async def _talk(ask: _Ask, opening: list[Message]) -> None:
    """Ask for messages and answer each, with all that was said before, until the input ends."""
    said = list(opening)
    while (typed := await _typed()) is not None:
        if typed == _FORGET:
            said = list(opening)
        elif typed:
            said.append({"role": "user", "content": typed})
            try:
                said.append({"role": "assistant", "content": await _answer(ask, said)})
            except UserError as error:
                said.pop()
                typer.echo(str(error), err=True)
    typer.echo()


async def _typed() -> str | None:
    """Return the next line without holding up the loop, and None at the end of the input."""
    typer.echo(_PROMPT, nl=False)
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(sys.stdin, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(sys.stdin)
    line = sys.stdin.readline()
    return line.strip() if line else None


async def _answer(ask: _Ask, messages: list[Message], *, quiet: bool = False) -> str:
    parts: list[str] = []
    async for part in ask(messages):
        parts.append(part)
        if not quiet:
            typer.echo(part, nl=False)
    if not quiet:
        typer.echo()
    return "".join(parts)
