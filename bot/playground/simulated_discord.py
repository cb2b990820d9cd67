"""The simulated Discord of the playground: one server, one channel, an operator and two members."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any

import discord
import simcord
from simcord.backend.models import Interaction

from bot.app import App
from bot.client import HeroBot

HOME = 1_000_000_000_000_000_000  # the simulated server's id: a home guild, so its manager is an operator

_GLANCE = (
    0.05  # seconds that simcord may wait for the bot to come to rest: what takes longer goes on by itself
)
_TICK = 0.1  # seconds between two looks at the clock
_CLOSING = 20.0  # seconds that the bot gets for its last work


class Refused(Exception):
    """Discord would not let a person do this; the text says why."""


class SimulatedDiscord:
    """What is simulated, and the one place where people act in it.

    simcord, made for tests, stops its clock and waits after each action until the bot has come to rest. Here
    it waits for a moment only: the bot works on, others act meanwhile, and its clock follows the real one.

    What people see is read from simcord's own store (`env.backend`): its version is pinned exactly.
    """

    def __init__(
        self, env: simcord.Env, channel: simcord.ChannelHandle, people: list[simcord.MemberActor]
    ) -> None:
        self.env = env
        self.channel = channel
        self.people = {person.name: person for person in people}
        self._turn = asyncio.Lock()  # simcord refuses whatever comes while something else is under way

    @property
    def events(self) -> int:
        """How much has happened so far: while it stays the same, nothing has changed."""
        return len(self.env.backend.transcript)

    async def act(self, action: Awaitable[Any]) -> Interaction | None:
        """Have a person do something; what it asks of the bot is returned, answered or not yet.

        Raises Refused where the person may not, or cannot.
        """
        asked = self.env.backend.interactions
        async with self._turn:
            before = len(asked)
            try:
                await action
            except TimeoutError:
                pass  # the bot is still at it
            except (simcord.SetupError, simcord.BackendError) as error:
                raise Refused(_in_words(error)) from error
            return next(reversed(asked.values())) if len(asked) > before else None

    async def answer(self, interaction: Interaction) -> Interaction:
        """Wait for the bot's first answer. Raises Refused where none comes within Discord's three seconds."""
        while not interaction.responded:
            if self.env.backend.now_iso() >= (interaction.initial_response_deadline or ""):
                raise Refused("Herosmith did not respond in time.")
            await asyncio.sleep(0.02)
        return interaction

    def message(self, message_id: int) -> simcord.ResponseMessage:
        """A message of the channel. Raises Refused where it is gone."""
        try:
            found = self.env.backend.get_message(self.channel.id, message_id)
        except simcord.BackendError as error:
            raise Refused("That message is gone.") from error
        return simcord.ResponseMessage(self.env, found)

    async def keep_time(self) -> None:
        """Let the simulated time follow the real one for ever, so that the bot's timers fire."""
        while True:
            async with self._turn:
                self.env.backend.advance_clock(_behind(self.env))
                with suppress(TimeoutError):  # the bot is busy
                    await self.env.settle(timeout=_GLANCE)  # fires what is due
            await asyncio.sleep(_TICK)


@asynccontextmanager
async def open_simulated_discord(app: App) -> AsyncIterator[SimulatedDiscord]:
    """Let the bot into a new simulated Discord."""
    env = simcord.Env(HeroBot(app), settle_timeout=_GLANCE)
    # made in simcord's distant past: votes of young accounts do not count
    operator, *others = (env.create_user(name) for name in ("olga", "ana", "ben"))
    env.backend.advance_clock(_behind(env))
    await env.start()
    try:
        if env.bot.user:
            await env.bot.user.edit(username="Herosmith")
        guild = env.create_guild(name="Hero HQ", id=HOME)
        channel = guild.create_text_channel("heroes")
        manager = guild.create_role("operator", permissions=discord.Permissions(manage_guild=True))
        olga = guild.add_member(operator, roles=[manager])
        yield SimulatedDiscord(env, channel, [olga, *(guild.add_member(user) for user in others)])
    finally:
        env.settle_timeout = _CLOSING
        await env.shutdown()


def _behind(env: simcord.Env) -> float:
    """Seconds by which the simulated time lies behind the real one."""
    return max(0.0, (datetime.now(UTC) - env.now()).total_seconds())


def _in_words(error: Exception) -> str:
    """What simcord says, without what it adds for writers of tests."""
    return str(error).split(" — ")[0].rstrip(".") + "."
