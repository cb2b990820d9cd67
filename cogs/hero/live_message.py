"""Live messages: show a text while it is generated, with a button to stop it."""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import discord

from bot.client import Interaction
from bot.errors import NotAllowed, Undeliverable
from bot.llm.stream import Stream
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.responses import Requester, Responder
from cogs.hero.embeds import hero_buttons

log = logging.getLogger(__name__)

T = TypeVar("T")

_MAX_INTERVAL = 10.0  # seconds between edits, however slow Discord is


@dataclass(frozen=True, slots=True)
class LivePreview:
    """The streams of a generation, and a function that renders their current state."""

    streams: Sequence[Stream]
    render: Callable[[], MessageContent]


class LiveMessages:
    """Shows generations in progress, each with a Stop button.

    edit_interval: seconds between edits of one message.
    """

    def __init__(self, *, edit_interval: float) -> None:
        self._edit_interval = edit_interval
        self._started_at = time.time_ns()
        self._running: dict[int, tuple[Requester, Sequence[Stream]]] = {}  # by the id in the Stop button

    async def run(
        self, work: Coroutine[Any, Any, T], preview: LivePreview, requester: Requester, responder: Responder
    ) -> T:
        """Await the work and return its result; edit the message with the preview until it is done.

        The work is stopped if nobody can see it.
        """
        task = asyncio.create_task(work)
        try:
            with self._stoppable(requester, preview.streams) as stop_view:
                await self._update_until_done(task, preview, stop_view, responder)
            return await task
        finally:
            task.cancel()

    async def stop(self, interaction: Interaction, generation: int) -> None:
        """Stop the generation and keep the text so far.

        Raises NotAllowed unless the user is the requester or a moderator.
        """
        if generation < self._started_at:  # a restart cut it off
            await interaction.response.edit_message(view=None)
            return
        await interaction.response.defer()
        if generation not in self._running:  # it ended before the click: the message has its final buttons
            return
        requester, streams = self._running[generation]
        if interaction.user.id != requester.user_id and not interaction.permissions.manage_messages:
            raise NotAllowed("Only the person who asked for this hero, or a moderator, may stop it.")
        for stream in streams:
            stream.stop()

    @contextmanager
    def _stoppable(self, requester: Requester, streams: Sequence[Stream]) -> Iterator[discord.ui.View]:
        generation = time.time_ns()
        self._running[generation] = requester, streams
        try:
            yield hero_buttons("stop", subject=generation, t=requester.t)
        finally:
            del self._running[generation]

    async def _update_until_done(
        self, task: asyncio.Task[Any], preview: LivePreview, stop_view: discord.ui.View, responder: Responder
    ) -> None:
        throttle = EditThrottle(self._edit_interval)
        while not task.done():
            changes = [asyncio.ensure_future(stream.changed()) for stream in preview.streams]
            await asyncio.wait({*changes, task}, return_when=asyncio.FIRST_COMPLETED)
            for change in changes:
                change.cancel()
            content = preview.render()
            if task.done() or not content:
                continue
            started = time.monotonic()
            try:
                await responder.show(replace(content, view=stop_view))
            except Undeliverable:
                log.warning("a text is stopped: Discord shows it to nobody")
                for stream in preview.streams:
                    stream.stop()
                return
            except DISCORD_FAILURES as error:
                log.info("a text could not be shown while it was written: %s", error)
            throttle.record(time.monotonic() - started)
            await throttle.wait(task)


class EditThrottle:
    """Spaces out edits of one message, more widely while Discord is slow or limits the rate.

    discord.py waits out a 429 inside the edit, so a slow edit indicates either.
    """

    def __init__(self, interval: float) -> None:
        """interval: the shortest, in seconds."""
        self._min_interval = interval
        self.interval = interval

    def record(self, seconds: float) -> None:
        """Adapt to an edit's duration: double the interval after a slow one, shorten it after a quick one."""
        if seconds > self.interval / 2:
            self.interval = min(max(self.interval * 2, seconds), _MAX_INTERVAL)
        else:
            self.interval = max(self.interval * 0.8, self._min_interval)

    async def wait(self, until: asyncio.Task[Any]) -> None:
        """Sleep one interval, or until the task is done."""
        await asyncio.wait({until}, timeout=self.interval)
