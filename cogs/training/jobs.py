"""Shows how jobs stand: rows become messages."""

import logging
import time
from dataclasses import dataclass
from pathlib import Path

import discord
from discord.ext import commands, tasks

from bot.app import App, JobMessageTiming
from bot.client import HeroBot
from bot.presentation.jobs import progress_text, result_text
from bot.store.job_schema import FinetuneResult
from bot.store.jobs import Job
from cogs.common.locale import translator_in
from cogs.common.markdown import with_mention
from cogs.models.embeds import comparison_embeds
from cogs.training.job_buttons import job_view

log = logging.getLogger(__name__)

_MARGIN = 64 * 1024  # bytes of a message beside its files
_TOO_MANY_EDITS = 30046  # Discord's code for it


@dataclass(frozen=True, slots=True)
class _Shown:
    """A text of a progress message, what is being done by it, and when it was shown."""

    text: str
    doing: tuple[str, str]  # state and phase
    at: float

    def replaces(self, shown: "_Shown", *, age: float, timing: JobMessageTiming) -> bool:
        """Return whether to edit the message: at once for another state, after an interval for progress.

        age is the message's, in seconds.
        """
        old = age > timing.old_after
        if self.doing[0] != shown.doing[0] or (self.doing != shown.doing and not old):
            return True
        interval = timing.old_edit_interval if old else timing.edit_interval
        return self.text != shown.text and self.at - shown.at >= interval


class JobsCog(commands.Cog):
    """Edits each job's message while it runs, and tells its end in a new one that notifies."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._shown: dict[int, _Shown] = {}  # by job

    async def cog_load(self) -> None:
        self.render.start()

    async def cog_unload(self) -> None:
        self.render.cancel()

    @tasks.loop(seconds=2)
    async def render(self) -> None:
        """Bring every message up to its row. One job's trouble leaves the others alone."""
        try:
            for job in await self.app.jobs.unnotified():
                try:
                    await self._show(job)
                except (discord.Forbidden, discord.NotFound) as error:
                    log.warning("job %d: channel %s is closed to the bot: %s", job.id, job.channel_id, error)
                    await self.app.jobs.mark_notified(job.id)  # do not try for ever
                except (discord.HTTPException, OSError) as error:
                    log.warning(
                        "job %d: Discord is in trouble, the next round tries again: %s", job.id, error
                    )
        except Exception:
            log.exception("jobs could not be shown")

    @render.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _show(self, job: Job) -> None:
        try:
            await self._progress(job)
        except discord.HTTPException as error:  # deleted, perhaps: the end is told all the same
            log.warning("job %d: its progress message cannot be edited: %s", job.id, error)
        if job.ended:
            t = await translator_in(self.bot, job.channel_id or 0)
            text, told = with_mention(result_text(t, job), job.requester_id)
            files = [discord.File(path) for path in self._attachments(job)]
            heroes = job.result.heroes if isinstance(job.result, FinetuneResult) else ()
            embeds = comparison_embeds(t, heroes)
            await self._channel(job).send(text, allowed_mentions=told, files=files, embeds=embeds)
            await self.app.jobs.mark_notified(job.id)
            self._shown.pop(job.id, None)

    async def _progress(self, job: Job) -> None:
        if job.message_id is None:  # the command that ordered it has not answered yet
            return
        now = time.time()
        t = await translator_in(self.bot, job.channel_id or 0)
        # a loss changes at every step: that is progress, not another state
        fresh = _Shown(progress_text(t, job), (job.state, job.phase.template if job.phase else ""), now)
        shown = self._shown.get(job.id)
        age = now - (job.created_at or now)
        if shown and not fresh.replaces(shown, age=age, timing=self.app.timing.job_messages):
            return
        self._shown[job.id] = fresh
        try:
            await (
                self._channel(job)
                .get_partial_message(job.message_id)
                .edit(content=fresh.text, view=job_view(t, job))
            )
        except discord.HTTPException as error:
            if error.code != _TOO_MANY_EDITS:
                raise
            again = await self._channel(job).send(fresh.text, view=job_view(t, job) or discord.utils.MISSING)
            await self.app.jobs.set_message(job.id, again.id)

    def _attachments(self, job: Job) -> list[Path]:
        """The files that a job's end is told with, as far as they are here and fit."""
        folder = self.app.settings.data_dir
        made = [folder / name for name in (job.result.files if job.result else ())]
        fitting: list[Path] = []
        room = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES - _MARGIN
        for path in made:
            size = path.stat().st_size if path.is_file() else room
            if size < room:
                room -= size
                fitting.append(path)
        return fitting

    def _channel(self, job: Job) -> discord.PartialMessageable:
        return self.bot.get_partial_messageable(job.channel_id or 0)
