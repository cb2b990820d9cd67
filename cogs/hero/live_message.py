"""Writings: texts on their way, seen as they grow and stopped by a button."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import discord

from bot.client import Interaction
from bot.errors import NotAllowed, Unavailable
from bot.llm.stream import Stream
from cogs.common.responses import Asker, Look, Showing
from cogs.hero.buttons import hero_buttons

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft:
    """What is on its way: the streams that tell it, and what there is to see of it at a moment."""

    streams: Sequence[Stream]
    look: Callable[[], Look]


class Writings:
    """Shows what is being written, each with a Stop button."""

    def __init__(self) -> None:
        self._since = time.time_ns()
        self._under_way: dict[int, tuple[Asker, Sequence[Stream]]] = {}  # by what their Stop buttons say

    async def follow(self, work: Coroutine[Any, Any, T], draft: Draft, asker: Asker, showing: Showing) -> T:
        """Do the work, and show what there is of it meanwhile. What it raises is raised here."""
        task = asyncio.create_task(work)
        try:
            with self._may_be_stopped(asker, draft.streams) as stop:
                await _show_while(task, draft, stop, showing)
            return await task
        finally:
            task.cancel()

    async def stop(self, interaction: Interaction, number: int) -> None:
        """Let what is there be all of it: for who asked for it, and for moderators."""
        if number < self._since:  # a restart cut it off
            await interaction.response.edit_message(view=None)
            return
        await interaction.response.defer()
        if number not in self._under_way:  # its end was quicker than the click: its own buttons stay
            return
        asker, streams = self._under_way[number]
        if interaction.user.id != asker.user_id and not interaction.permissions.manage_messages:
            raise NotAllowed("Only who asked for this hero, or a moderator, may stop it.")
        for stream in streams:
            stream.stop()

    @contextmanager
    def _may_be_stopped(self, asker: Asker, streams: Sequence[Stream]) -> Iterator[discord.ui.View]:
        number = time.time_ns()
        self._under_way[number] = asker, streams
        try:
            yield hero_buttons("stop", subject=number, say=asker.say)
        finally:
            del self._under_way[number]


async def _show_while(task: asyncio.Task[Any], draft: Draft, stop: discord.ui.View, showing: Showing) -> None:
    """Show the place in the line and the text so far, at the message's pace, until the task is done."""
    rhythm = Rhythm()
    while not task.done():
        news = [asyncio.ensure_future(stream.news()) for stream in draft.streams]
        await asyncio.wait({*news, task}, return_when=asyncio.FIRST_COMPLETED)
        for each in news:
            each.cancel()
        look = draft.look()
        if task.done() or not look:
            continue
        began = time.monotonic()
        try:
            await showing.show(replace(look, view=stop))
        except (discord.HTTPException, Unavailable) as error:
            log.info("a text could not be shown while it was written: %s", error)
        rhythm.took(time.monotonic() - began)
        await rhythm.rest(task)


_BEAT = 1.0  # seconds between edits: what a channel bears
_SLOWEST = 10.0


class Rhythm:
    """Waits between edits: about a second, longer where Discord is slow or has refused one for a while.

    discord.py waits out a 429 within the edit, so an edit that took long tells of either.
    """

    def __init__(self, beat: float = _BEAT) -> None:
        self._shortest = beat
        self.beat = beat

    def took(self, seconds: float) -> None:
        """Learn from an edit: one that took long doubles the wait, a quick one shortens it again."""
        slow = seconds > self.beat / 2
        self.beat = (
            min(max(self.beat * 2, seconds), _SLOWEST) if slow else max(self.beat * 0.8, self._shortest)
        )

    async def rest(self, until: asyncio.Task[Any]) -> None:
        """Let a beat pass, or less where there is nothing to wait for any more."""
        await asyncio.wait({until}, timeout=self.beat)
