"""`herosmith chat`: ask a model of the engine anything."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from bot.chat import Message
from bot.cli.commands import Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json, print_table
from bot.errors import UserError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.tuning.own_models import OwnModels

_PROMPT = "> "
_FORGET = "/new"


def chat(
    model: Annotated[
        str | None,
        typer.Argument(help="A model's name, or the one that `tune --name` gave it; by default the base"),
    ] = None,
    message: Annotated[
        str | None, typer.Option("--message", "-m", help="Ask this and print the answer, in place of a talk")
    ] = None,
    system: Annotated[str | None, typer.Option(help="What to tell the model first")] = None,
    base: Annotated[
        str | None, typer.Option(help="The base that the model was tuned from, as given to `tune --base`")
    ] = None,
    list_models: Annotated[bool, typer.Option("--list", help="List the models that can be asked")] = False,
    as_json: Json = False,
) -> None:
    """Talk to a model: one of your own, one of heroes, or the base."""
    if as_json and message is None and not list_models:
        raise typer.BadParameter("--json is for --message and --list.", param_hint="--json")
    if message is None and not list_models and not sys.stdin.isatty():
        raise typer.BadParameter("There is no terminal to type in: ask with --message TEXT.")
    opening: list[Message] = [{"role": "system", "content": system}] if system else []
    run_command(
        _chat(
            installation_settings(), model, opening, message, base, list_models=list_models, as_json=as_json
        )
    )


async def _chat(
    settings: Settings,
    model: str | None,
    opening: list[Message],
    message: str | None,
    base: str | None,
    *,
    list_models: bool,
    as_json: bool,
) -> None:
    from bot.cli.own_engine import own_models  # noqa: PLC0415 (so that --help is quick)

    async with own_models(settings, base) as models:
        if list_models:
            _print_models(await models.names(), as_json=as_json)
            return
        name = await models.resolve(model)
        if message is None:
            await _talk(models, name, opening)
            return
        answer = await _answer(models, name, [*opening, {"role": "user", "content": message}], quiet=as_json)
        if as_json:
            print_json({"model": name, "message": message, "answer": answer})


def _print_models(names: list[str], *, as_json: bool) -> None:
    found = [{"model": name, "tuned": name.startswith("ft:")} for name in names]
    if as_json:
        print_json(found)
    else:
        print_table(("model", "tuned"), [tuple(each.values()) for each in found])


async def _talk(models: "OwnModels", name: str, opening: list[Message]) -> None:
    """Ask for messages and answer each, with all that was said before, until the input ends."""
    typer.echo(f"{name}. End with Ctrl-D, begin anew with {_FORGET}.")
    said = list(opening)
    while (typed := await _typed()) is not None:
        if typed == _FORGET:
            said = list(opening)
        elif typed:
            said.append({"role": "user", "content": typed})
            try:
                said.append({"role": "assistant", "content": await _answer(models, name, said)})
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


async def _answer(models: "OwnModels", name: str, messages: list[Message], *, quiet: bool = False) -> str:
    parts: list[str] = []
    async for part in models.answer(name, messages):
        parts.append(part)
        if not quiet:
            typer.echo(part, nl=False)
    if not quiet:
        typer.echo()
    return "".join(parts)
