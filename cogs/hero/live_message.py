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
from cogs.common.responses import MessageContent, Requester, Responder
from cogs.hero.buttons import hero_buttons

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class LivePreview:
    """What is on its way: the streams that tell it, and what there is to see of it at a moment."""

    streams: Sequence[Stream]
    render: Callable[[], MessageContent]


class LiveMessages:
    """Shows what is being written, each with a Stop button."""

    def __init__(self) -> None:
        self._since = time.time_ns()
        self._under_way: dict[int, tuple[Requester, Sequence[Stream]]] = {}  # by what their Stop buttons say

    async def run(
        self, work: Coroutine[Any, Any, T], draft: LivePreview, requester: Requester, responder: Responder
    ) -> T:
        """Do the work, and show what there is of it meanwhile. What it raises is raised here."""
        task = asyncio.create_task(work)
        try:
            with self._may_be_stopped(requester, draft.streams) as stop:
                await _show_while(task, draft, stop, responder)
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
        requester, streams = self._under_way[number]
        if interaction.user.id != requester.user_id and not interaction.permissions.manage_messages:
            raise NotAllowed("Only who asked for this hero, or a moderator, may stop it.")
        for stream in streams:
            stream.stop()

    @contextmanager
    def _may_be_stopped(self, requester: Requester, streams: Sequence[Stream]) -> Iterator[discord.ui.View]:
        number = time.time_ns()
        self._under_way[number] = requester, streams
        try:
            yield hero_buttons("stop", subject=number, t=requester.t)
        finally:
            del self._under_way[number]


async def _show_while(
    task: asyncio.Task[Any], draft: LivePreview, stop: discord.ui.View, responder: Responder
) -> None:
    """Show the place in the line and the text so far, at the message's pace, until the task is done."""
    rhythm = EditThrottle()
    while not task.done():
        news = [asyncio.ensure_future(stream.changed()) for stream in draft.streams]
        await asyncio.wait({*news, task}, return_when=asyncio.FIRST_COMPLETED)
        for each in news:
            each.cancel()
        look = draft.render()
        if task.done() or not look:
            continue
        began = time.monotonic()
        try:
            await responder.show(replace(look, view=stop))
        except (discord.HTTPException, Unavailable) as error:
            log.info("a text could not be shown while it was written: %s", error)
        rhythm.record(time.monotonic() - began)
        await rhythm.wait(task)


_BEAT = 1.0  # seconds between edits: what a channel bears
_SLOWEST = 10.0


class EditThrottle:
    """Waits between edits: about a second, longer where Discord is slow or has refused one for a while.

    discord.py waits out a 429 within the edit, so an edit that took long tells of either.
    """

    def __init__(self, beat: float = _BEAT) -> None:
        self._shortest = beat
        self.interval = beat

    def record(self, seconds: float) -> None:
        """Learn from an edit: one that took long doubles the wait, a quick one shortens it again."""
        slow = seconds > self.interval / 2
        self.interval = (
            min(max(self.interval * 2, seconds), _SLOWEST)
            if slow
            else max(self.interval * 0.8, self._shortest)
        )

    async def wait(self, until: asyncio.Task[Any]) -> None:
        """Let a beat pass, or less where there is nothing to wait for any more."""
        await asyncio.wait({until}, timeout=self.interval)
