"""A crowd: a simulated Discord server with the real bot in it, an operator, and readers of a hidden taste.

Everybody acts as people do, by slash commands, buttons and reactions, and judges what the messages show.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import simcord

from bench.flywheel.taste import Reader, Taste
from bot.app import App
from bot.client import HeroBot
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.store.jobs import Job

HOME = 1_000_000_000_000_000_000  # the server's id: a home guild, so its manager is an operator

_SETTLE = 300.0  # seconds that one action may take: a cold model on a busy machine
_TICK = 2.0
_JOB_LIMIT = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class Person:
    """A member of the server, and what they like."""

    member: simcord.MemberActor
    reader: Reader


class Crowd:
    """What the operator and the readers of one server can do."""

    def __init__(
        self,
        env: simcord.Env,
        app: App,
        channel: simcord.ChannelHandle,
        operator: simcord.MemberActor,
        people: Sequence[Person],
        chance: random.Random,
    ) -> None:
        self._env = env
        self._app = app
        self._channel = channel
        self._operator = operator
        self._people = people
        self._chance = chance

    async def order(self, command: str, **options: Any) -> Job:
        """Let the operator order a job, confirm its plan and wait until its end is told.

        Raises RuntimeError with the job's own words where it fails.
        """
        await self._operator.slash(self._channel, command, **options)
        await self._operator.click(self._channel.history()[-1], label="Confirm")
        (job,) = await self._app.jobs.unnotified()
        end = time.monotonic() + _JOB_LIMIT
        while not job.announced and time.monotonic() < end:
            await asyncio.sleep(0.25)
            await self._env.advance_time(_TICK)
            job = await self._app.jobs.get(job.id)
        if job.result is None:
            raise RuntimeError(f"The {job.kind} job failed: {job.error}")
        return job

    @property
    def errors(self) -> list[str]:
        """What the bot could not do so far, in its own words."""
        return [str(each) for each in self._env.errors]

    async def operate(self, command: str, **options: Any) -> None:
        """Let the operator give a command that ends at once."""
        await self._operator.slash(self._channel, command, **options)

    async def ask_and_rate(self, heroes: Sequence[Hero], readers: int) -> dict[str, int]:
        """Let people ask for heroes, one after another, and so many others leave a thumb under each.

        Returns how many thumbs of each kind were left.
        """
        thumbs = {UP: 0, DOWN: 0}
        for hero in heroes:
            requester, *others = self._chance.sample(self._people, readers + 1)
            message = await self._shown(requester, "hero", hero)
            for text in _texts(message):  # none where the bot had to say that no model answered
                for each in others:
                    thumb = UP if each.reader.likes(hero, text) else DOWN
                    await each.member.react(message, thumb)
                    thumbs[thumb] += 1
        return thumbs

    async def duel(self, heroes: Iterator[Hero]) -> None:
        """Let people hold duels until the trial is over, or everybody has a result in it.

        In each, somebody votes who has none yet.
        """
        fresh = self._chance.sample(self._people, len(self._people))
        while fresh and await self._app.trials.running():
            hero, judge = next(heroes), fresh.pop()
            message = await self._shown(self._chance.choice(self._people), "duel", hero)
            texts, pick = _texts(message), "Tie"
            if len(texts) == 2:  # else a model did not answer, and there is nothing to choose from
                pick = judge.reader.picks(hero, *texts)
                await judge.member.click(message, label=pick)
            if pick == "Tie":  # it uses up nobody's result
                fresh.insert(0, judge)

    async def _shown(self, requester: Person, command: str, hero: Hero) -> discord.Message:
        await requester.member.slash(self._channel, command, hero=hero.typed)
        return self._channel.history()[-1]


def _texts(message: discord.Message) -> list[str]:
    """The descriptions that a message shows: without Discord's escapes and a duel's letters."""
    shown = [(embed.description or "").replace("\\", "") for embed in message.embeds]
    return [text.removeprefix(f"**{letter}**\n") for letter, text in zip("AB", shown, strict=False)]


@asynccontextmanager
async def crowd(app: App, taste: Taste, *, members: int, seed: int) -> AsyncIterator[Crowd]:
    """Open a server around the real bot. The seed decides who its members are, and who does what."""
    (app.settings.data_dir / "commands.sha256").unlink(missing_ok=True)  # another Discord than it told before
    async with simcord.run(HeroBot(app), settle_timeout=_SETTLE, check_errors=False) as env:
        guild = env.create_guild(name="Hero HQ", id=HOME)
        channel = guild.create_text_channel("heroes")
        manager = guild.create_role("operator", permissions=discord.Permissions(manage_guild=True))
        operator = guild.add_member(env.create_user("olga"), roles=[manager])
        people = [
            Person(guild.add_member(env.create_user(f"reader{at}")), Reader(taste, f"{seed}:{at}"))
            for at in range(members)
        ]
        yield Crowd(env, app, channel, operator, people, random.Random(seed))  # noqa: S311 (a simulation)
