"""Renders jobs: their rows become messages."""

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

_MESSAGE_MARGIN = 64 * 1024  # bytes of a message besides its files
_TOO_MANY_EDITS = 30046  # Discord's code for it


@dataclass(frozen=True, slots=True)
class _ProgressMessage:
    """The text of a job's message, the state and phase it shows, and when it was last edited."""

    text: str
    state: str
    phase: str
    at: float

    def replaces(self, shown: "_ProgressMessage", *, age: float, timing: JobMessageTiming) -> bool:
        """Return whether to edit the message: at once for another state, after an interval for progress.

        age is the message's, in seconds.
        """
        old = age > timing.old_after
        if self.state != shown.state or (self.phase != shown.phase and not old):
            return True
        interval = timing.old_edit_interval if old else timing.edit_interval
        return self.text != shown.text and self.at - shown.at >= interval


class JobsCog(commands.Cog):
    """Edits each job's message while it runs, and announces its end in a new message."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._shown: dict[int, _ProgressMessage] = {}  # by job

    async def cog_load(self) -> None:
        self.render.start()

    async def cog_unload(self) -> None:
        self.render.cancel()

    @tasks.loop(seconds=2)
    async def render(self) -> None:
        """Render every job. An error of one does not affect the others."""
        try:
            for job in await self.app.jobs.unnotified():
                try:
                    await self._render_job(job)
                except (discord.Forbidden, discord.NotFound) as error:
                    log.warning("job %d: channel %s is closed to the bot: %s", job.id, job.channel_id, error)
                    await self.app.jobs.mark_notified(job.id)  # do not retry for ever
                except (discord.HTTPException, OSError) as error:
                    log.warning(
                        "job %d: Discord is in trouble, the next round tries again: %s", job.id, error
                    )
        except Exception:
            log.exception("jobs could not be shown")

    @render.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _render_job(self, job: Job) -> None:
        try:
            await self._update_progress(job)
        except discord.HTTPException as error:  # it may be deleted: the end is announced all the same
            log.warning("job %d: its progress message cannot be edited: %s", job.id, error)
        if job.ended:
            t = await translator_in(self.bot, job.channel_id or 0)
            text, mentions = with_mention(result_text(t, job), job.requester_id)
            files = [discord.File(path) for path in self._attachments(job)]
            heroes = job.result.heroes if isinstance(job.result, FinetuneResult) else ()
            embeds = comparison_embeds(t, heroes)
            await self._channel(job).send(text, allowed_mentions=mentions, files=files, embeds=embeds)
            await self.app.jobs.mark_notified(job.id)
            self._shown.pop(job.id, None)

    async def _update_progress(self, job: Job) -> None:
        if job.message_id is None:  # the command has not answered yet
            return
        now = time.time()
        t = await translator_in(self.bot, job.channel_id or 0)
        # the template, not the text: a loss changes at every step, and that is progress, not another phase
        phase = job.phase.template if job.phase else ""
        fresh = _ProgressMessage(progress_text(t, job), job.state, phase, now)
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
            message = await self._channel(job).send(
                fresh.text, view=job_view(t, job) or discord.utils.MISSING
            )
            await self.app.jobs.set_message(job.id, message.id)

    def _attachments(self, job: Job) -> list[Path]:
        """Return the files of a job's result that exist here and fit into a message."""
        folder = self.app.settings.data_dir
        paths = [folder / name for name in (job.result.files if job.result else ())]
        attached: list[Path] = []
        remaining = discord.utils.DEFAULT_FILE_SIZE_LIMIT_BYTES - _MESSAGE_MARGIN
        for path in paths:
            size = path.stat().st_size if path.is_file() else remaining
            if size < remaining:
                remaining -= size
                attached.append(path)
        return attached

    def _channel(self, job: Job) -> discord.PartialMessageable:
        return self.bot.get_partial_messageable(job.channel_id or 0)
