"""`herosmith chat`: ask a model of the engine anything."""

import asyncio
import re
import shlex
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.chat import Message
from bot.cli.commands import Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json, print_table, program
from bot.errors import HerosmithError, OutOfReach
from bot.settings import Settings
from bot.tuning.model_names import is_tuned, short_name, training_name

if TYPE_CHECKING:
    from bot.cli.own_engine import OwnEngine

_PROMPT = "> "
_FORGET = "/new"
_COMMAND = re.compile(r"/[A-Za-z?-]*")  # no path, and no question that begins with one
_COMMANDS = f"Its commands: {_FORGET} begins anew, Ctrl-D ends it. All else is asked as you type it."
_CUT = (
    "(The answer is cut here: with what was said before, it is as long as the model can read. "
    f"{_FORGET} begins anew, and a question may ask for a short answer.)"
)
_ENDED = "(The engine ended, perhaps with the command that had started it. It is asked again.)"


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
    """Talk to a model: one of your own, one of heroes, or the base.

    Text that is piped in, of any number of lines, is asked as one message, as if --message gave it.
    """
    if message is None and not list_models and not sys.stdin.isatty():
        message = _piped()
    if as_json and message is None and not list_models:
        raise typer.BadParameter("--json is for --message, piped text and --list.", param_hint="--json")
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


def _piped() -> str:
    """Return all of standard input, which is no terminal."""
    try:
        text = sys.stdin.buffer.read().decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        raise typer.BadParameter(
            "The text that is piped in is not in UTF-8: convert it, such as with iconv."
        ) from None
    if not text:
        raise typer.BadParameter(
            "There is no terminal to type in, and nothing is piped in: ask with --message TEXT."
        )
    return text


@dataclass(frozen=True, slots=True)
class _Sampling:
    """How an answer is drawn; None leaves it to the model."""

    temperature: float | None
    seed: int | None


@dataclass(frozen=True, slots=True)
class _Answer:
    text: str
    finish_reason: str | None


@dataclass
class _Asker:
    """Asks a model, at another engine if the one that was asked has ended.

    streams: whether answers are printed as they come; quiet: whether nothing is said of how they came.
    """

    settings: Settings
    base: str | None
    sampling: _Sampling
    streams: bool
    quiet: bool
    engines: AsyncExitStack
    model: str = field(init=False)
    _engine: "OwnEngine" = field(init=False)

    async def choose(self, model: str | None) -> None:
        """Find the model to ask, by what a person calls it."""
        await self._connect()
        self.model = await self._engine.models.resolve(model)

    async def _connect(self) -> None:
        from bot.cli.own_engine import open_engine  # noqa: PLC0415 (so that --help is quick)

        self._engine = await self.engines.enter_async_context(open_engine(self.settings, self.base))

    async def answer(self, messages: list[Message]) -> _Answer:
        """Return the answer to a conversation."""
        try:
            return await self._answer(messages)
        except OutOfReach:
            self._note(_ENDED)
        if not self._engine.is_ours:
            await self._connect()
        await self._engine.models.names()  # waits until it runs again
        return await self._answer(messages)

    async def _answer(self, messages: list[Message]) -> _Answer:
        from bot.tuning.own_chat import answer  # noqa: PLC0415 (so that --help is quick)

        parts: list[str] = []
        reason: str | None = None
        try:
            async for part in answer(
                self._engine.api,
                self.model,
                messages,
                temperature=self.sampling.temperature,
                seed=self.sampling.seed,
            ):
                parts.append(part.text)
                reason = part.finish_reason
                if self.streams:
                    typer.echo(part.text, nl=False)
        finally:
            if parts and self.streams:
                typer.echo()
        if reason == "length":
            self._note(_CUT)
        return _Answer("".join(parts), reason)

    def _note(self, sentence: str) -> None:
        """Say something that is no part of an answer."""
        if not self.quiet:
            Console(stderr=True).print(sentence, style="dim", highlight=False, markup=False, soft_wrap=True)


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
    async with AsyncExitStack() as engines:
        # a file or another program gets no beginning of an answer that is asked for again
        streams = not as_json and (message is None or sys.stdout.isatty())
        asker = _Asker(settings, base, sampling, streams, as_json, engines)
        await asker.choose(model)
        if message is None:
            typer.echo(f"{model or asker.model}. End with Ctrl-D, begin anew with {_FORGET}.")
            await _talk(asker, opening)
            return
        answer = await asker.answer([*opening, {"role": "user", "content": message}])
        if as_json:
            print_json(
                {
                    "model": asker.model,
                    "message": message,
                    "answer": answer.text,
                    "finish_reason": answer.finish_reason,
                }
            )
        elif not streams:
            typer.echo(answer.text)


async def _list(settings: Settings, base: str | None, *, as_json: bool) -> None:
    """Print what to type for each model, its name in the engine's API, and unfinished trainings."""
    from bot.cli.own_engine import open_engine  # noqa: PLC0415 (so that --help is quick)

    async with open_engine(settings, base) as engine:
        names = await engine.models.names()
        unfinished = [training_name(job) for job in await engine.trainings.unfinished_of_ones_own()]
        _print_list(names, unfinished, as_json=as_json)  # its end may wait for a training
        sys.stdout.flush()


def _print_list(names: list[str], unfinished: list[str], *, as_json: bool) -> None:
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


async def _talk(asker: _Asker, opening: list[Message]) -> None:
    """Ask for messages and answer each, with all that was said before, until the input ends."""
    said = list(opening)
    while (typed := await _typed()) is not None:
        if typed == _FORGET:
            said = list(opening)
        elif _COMMAND.fullmatch(typed):
            typer.echo(f"This talk has no {typed}. {_COMMANDS}", err=True)
        elif typed:
            said.append({"role": "user", "content": typed})
            try:
                said.append({"role": "assistant", "content": (await asker.answer(said)).text})
            except HerosmithError as error:
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
