"""The playground: the very same bot in a local browser page, without Discord.

simcord keeps an in-memory Discord and shows one channel of it as a page; the bot, its worker and its
engine are the real ones.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import Any

import discord
import simcord
from rich.console import Console

from bot.app import App, open_app
from bot.children import engine_beside, worker_beside
from bot.client import HeroBot
from bot.errors import OperatorError
from bot.settings import Settings
from bot.store import descriptions, duels, jobs

log = logging.getLogger(__name__)

HOME = 1_000_000_000_000_000_000  # the simulated server's id: a home guild, so its manager is an operator

_SETTLE = 120.0  # seconds that an action on the page may take: a cold model's first answer included
_TICK = 1.0
_LOADS = 1000

_WELCOME = """[bold]The playground is open:[/bold] [link={url}]{url}[/link]

You are [bold]olga[/bold], an operator; at the top of the page you may switch to
[bold]ana[/bold] or [bold]ben[/bold], plain members.
Type one after the other:
  /build-dataset limit:24     shows a plan; Confirm writes it (about a minute; without limit all 294)
  /finetune epochs:2          shows a plan; Confirm tunes the model on it (a minute or two)
  /hero 40 woman healing      the tuned model answers
Then, as ana and as ben, click 👍 under what you like, and as olga /build-dataset limit:24 again:
what two people besides the asker liked is in the next dataset.
Ctrl-C ends it; datasets and models stay in {data}, the channel does not."""


async def run_playground(settings: Settings) -> None:
    """Serve the page until it is ended there or by Ctrl-C."""
    settings = settings.model_copy(update={"home_guilds": frozenset({HOME})})
    console = Console(stderr=True)
    async with AsyncExitStack() as stack:
        with console.status("starting the model engine and the worker ..."):
            reachable = await stack.enter_async_context(engine_beside(settings))
            app = await stack.enter_async_context(open_app(reachable))
            await stack.enter_async_context(worker_beside(reachable))
        await _forget_the_last_page(app)
        await _serve(app, console)


async def _forget_the_last_page(app: App) -> None:
    """Its channels and messages ended with it, and the new one's ids begin anew."""
    async with app.db.write() as tx:
        await descriptions.forget_messages(tx)
        await duels.forget_messages(tx)
        await jobs.forget_messages(tx)
    (app.settings.data_dir / "commands.sha256").unlink(missing_ok=True)


async def _serve(app: App, console: Console) -> None:
    async with simcord.run(HeroBot(app), settle_timeout=_SETTLE, check_errors=False) as env:
        if env.bot.user:
            await env.bot.user.edit(username="Herosmith")
        guild = env.create_guild(name="Hero HQ", id=HOME)
        channel = guild.create_text_channel("heroes")
        manager = guild.create_role("operator", permissions=discord.Permissions(manage_guild=True))
        olga = guild.add_member(env.create_user("olga"), roles=[manager])
        ana, ben = (guild.add_member(env.create_user(name)) for name in ("ana", "ben"))
        people = [olga, ana, ben]
        async with _opened(env, channel, people, app.settings.playground_port) as page:
            console.print(_WELCOME.format(url=page.url, data=app.settings.data_dir), soft_wrap=True)
            pulse = Pulse(env, page, TypedCommands(channel, people))
            closed = asyncio.create_task(page.wait_closed())
            while not closed.done():
                await asyncio.sleep(_TICK)
                await pulse.beat()


@asynccontextmanager
async def _opened(
    env: simcord.Env, channel: simcord.ChannelHandle, people: list[simcord.MemberActor], port: int
) -> AsyncIterator[simcord.Preview]:
    """Serve the page. Raises OperatorError where its port is taken."""
    async with AsyncExitStack() as stack:
        try:
            page = await stack.enter_async_context(
                env.preview(channel, viewers=people, layout="channel", port=port)
            )
        except (simcord.SetupError, OSError) as error:
            raise OperatorError(f"The page cannot be opened at PLAYGROUND_PORT {port}: {error}") from error
        yield page


class Pulse:
    """Lets time pass in the simulated Discord, and redraws the page when something has happened in it."""

    def __init__(self, env: simcord.Env, page: simcord.Preview, typed: "TypedCommands") -> None:
        self._env = env
        self._page = page
        self._typed = typed
        self._turn = _take_turns(page)
        self._requests = 0

    async def beat(self) -> None:
        """Let a second pass, and show what came of it."""
        try:
            async with self._turn:
                ran = await self._typed.run()
                await self._env.advance_time(_TICK)
                requests = len(self._env.http_requests)
                if ran or requests != self._requests:
                    self._requests = requests
                    await self._page.refresh()
        except simcord.SetupError:
            log.debug("the page was not redrawn this time", exc_info=True)
        except TimeoutError:
            log.warning("the bot has been busy for long", exc_info=True)


def _take_turns(page: simcord.Preview) -> asyncio.Lock:
    """Make actions on the page wait for our beats and for each other: simcord refuses whichever comes second.

    It refuses as well what was clicked on a page that has been redrawn since, and ours is redrawn while jobs
    run; what is clicked is looked up again in any case. There is no public place for this in simcord 3.2.1.
    """
    turn = asyncio.Lock()
    act = page._action  # noqa: SLF001
    setattr(page, "_MAX_PAGES", _LOADS)  # noqa: B010 (each load of the page counts until it has lain idle)

    async def in_turn(context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        async with turn:
            if isinstance(body, Mapping) and "published_revision" in body:
                with suppress(simcord.SetupError):
                    current = page._get_page(context_id).revision  # noqa: SLF001
                    body = {**body, "published_revision": current}
            return await act(context_id, body)

    page._action = in_turn  # type: ignore[method-assign]  # noqa: SLF001
    return turn


class TypedCommands:
    """Runs commands that were typed and sent in one go: simcord's page posts those as plain text.

    Discord turns `/hero ` into the command as soon as it is typed; the page wants it chosen from its list.
    """

    def __init__(self, channel: simcord.ChannelHandle, people: list[simcord.MemberActor]) -> None:
        self._channel = channel
        self._people = {person.id: person for person in people}
        self._seen = 0

    async def run(self) -> bool:
        """Put each such message's command in its place. Returns whether there was one.

        Raises simcord.SetupError where an action is under way on the page; the next call tries again.
        """
        ran = False
        for message in self._channel.history():
            person = self._people.get(message.author.id)
            if message.id > self._seen and person and message.content.startswith("/"):
                await self._run(person, message)
                ran = True
            self._seen = max(self._seen, message.id)
        return ran

    async def _run(self, person: simcord.MemberActor, message: discord.Message) -> None:
        try:
            name, options = read_command(message.content, person.available_commands(self._channel))
            await person.slash(self._channel, name, **options)
        except (simcord.OptionError, ValueError) as error:
            # what Discord's own page would say beside the option; here it stands in the typed line's place
            await person.edit(message, f"{message.content}\n-# not run: {error}")
        else:
            await person.delete(message)


def read_command(text: str, known: Sequence[str]) -> tuple[str, dict[str, str | int]]:
    """Read `/build-dataset limit:24` or `/hero 40 woman healing`. Raises ValueError in words."""
    typed = text.strip().removeprefix("/")
    names = (each for each in sorted(known, key=len, reverse=True) if f"{typed} ".startswith(f"{each} "))
    name = next(names, None)
    if name is None:
        raise ValueError(f"there is no command /{typed} for you; there is /{' and /'.join(known)}")
    rest = typed.removeprefix(name)
    if name == "hero":
        return name, {"hero": rest.strip().removeprefix("hero:").strip()}
    options: dict[str, str | int] = {}
    for word in rest.split():
        option, colon, value = word.partition(":")
        if not colon or not value:
            raise ValueError(f"options are typed as name:value, for example limit:24, not {word}")
        options[option] = int(value) if value.isdecimal() else value
    return name, options
