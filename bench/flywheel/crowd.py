"""A crowd: a simulated Discord server with the real bot, an operator, and readers with a hidden taste.

All act as people do, by slash commands, buttons and reactions, and judge what the messages show.
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

from bench.common.errors import BenchError
from bench.flywheel.tastes import Judge
from bot.app import App
from bot.client import HeroBot
from bot.heroes.hero import Hero
from bot.rating.votes import DOWN, UP
from bot.store.jobs import Job

HOME = 1_000_000_000_000_000_000  # the server's id: a home guild, so its manager is an operator

_SETTLE = 300.0  # seconds for one action: the model may be cold and the machine busy
_TICK = 2.0  # seconds of simulated time between two looks at a job
_JOB_TIMEOUT = 3600.0  # seconds


@dataclass(frozen=True, slots=True)
class CrowdMember:
    """A member of the server, and how they judge."""

    member: simcord.MemberActor
    judge: Judge


class Crowd:
    """The actions of the operator and the readers of one server."""

    def __init__(
        self,
        env: simcord.Env,
        app: App,
        channel: simcord.ChannelHandle,
        operator: simcord.MemberActor,
        people: Sequence[CrowdMember],
        rng: random.Random,
    ) -> None:
        self._env = env
        self._app = app
        self._channel = channel
        self._operator = operator
        self._people = people
        self._random = rng

    async def run_job(self, command: str, **options: Any) -> Job:
        """Let the operator start a job, confirm its plan and wait for the notification of its end.

        Raises BenchError with the job's error if it fails or takes an hour.
        """
        await self._operator.slash(self._channel, command, **options)
        await self._operator.click(self._channel.history()[-1], label="Confirm")
        (job,) = await self._app.jobs.unnotified()
        deadline = time.monotonic() + _JOB_TIMEOUT
        while not job.announced and time.monotonic() < deadline:
            await asyncio.sleep(0.25)
            await self._env.advance_time(_TICK)
            job = await self._app.jobs.get(job.id)
        if job.result is None:
            raise BenchError(f"The {job.kind} job failed: {job.error}")
        return job

    @property
    def errors(self) -> list[str]:
        """The errors that the bot raised so far."""
        return [str(error) for error in self._env.errors]

    async def run_operator_command(self, command: str, **options: Any) -> None:
        """Let the operator run a command that ends at once."""
        await self._operator.slash(self._channel, command, **options)

    async def ask_and_rate(self, heroes: Sequence[Hero], readers: int) -> dict[str, int]:
        """Let members ask for heroes, one after another, and `readers` others leave a thumb on each.

        Return the number of thumbs by emoji.
        """
        thumbs = {UP: 0, DOWN: 0}
        for hero in heroes:
            requester, *others = self._random.sample(self._people, readers + 1)
            message = await self._send_command(requester, "hero", hero)
            for text in _shown_texts(message):  # none if the bot had to say that no model answered
                for other in others:
                    thumb = UP if other.judge.likes(hero, text) else DOWN
                    await other.member.react(message, thumb)
                    thumbs[thumb] += 1
        return thumbs

    async def run_duels(self, heroes: Iterator[Hero]) -> None:
        """Let members run duels until the trial ends, or each of them has a counted result in it.

        The voter in each duel is one without a result.
        """
        without_result = self._random.sample(self._people, len(self._people))
        while without_result and await self._app.trials.running():
            hero, voter = next(heroes), without_result.pop()
            message = await self._send_command(self._random.choice(self._people), "duel", hero)
            texts, pick = _shown_texts(message), "Tie"
            if len(texts) == 2:  # otherwise a model did not answer, and there is nothing to choose from
                pick = voter.judge.pick(hero, *texts)
                await voter.member.click(message, label=pick)
            if pick == "Tie":  # a tie does not count
                without_result.insert(0, voter)

    async def _send_command(self, requester: CrowdMember, command: str, hero: Hero) -> discord.Message:
        await requester.member.slash(self._channel, command, hero=hero.typed)
        return self._channel.history()[-1]


def _shown_texts(message: discord.Message) -> list[str]:
    """Return the descriptions in a message, without Discord's escapes and a duel's letters."""
    shown = [(embed.description or "").replace("\\", "") for embed in message.embeds]
    return [text.removeprefix(f"**{letter}**\n") for letter, text in zip("AB", shown, strict=False)]


@asynccontextmanager
async def open_crowd(app: App, judges: Sequence[Judge], moment: str) -> AsyncIterator[Crowd]:
    """Open a server with the real bot, and a member for each judge. The moment determines who does what."""
    async with simcord.run(HeroBot(app), shard_count=1, settle_timeout=_SETTLE, check_errors=False) as env:
        guild = env.create_guild(name="Hero HQ", id=HOME)
        channel = guild.create_text_channel("heroes")
        manager = guild.create_role("operator", permissions=discord.Permissions(manage_guild=True))
        operator = guild.add_member(env.create_user("olga"), roles=[manager])
        people = [
            CrowdMember(guild.add_member(env.create_user(f"reader{number}")), judge)
            for number, judge in enumerate(judges)
        ]
        yield Crowd(env, app, channel, operator, people, random.Random(moment))  # noqa: S311 (a simulation)
