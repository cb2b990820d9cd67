"""Renders jobs: their rows become messages."""

import logging
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import discord
from discord.ext import commands, tasks

from bot.app import App, JobMessageTiming
from bot.client import HeroBot
from bot.errors import DatabaseBusy, Undeliverable
from bot.i18n.message import ENGLISH, Translator, mark
from bot.logs import under_reference
from bot.presentation.jobs import progress_text, result_text
from bot.store.job_schema import FinetuneResult, JobResult
from bot.store.jobs import Job
from cogs.common.content import MessageContent
from cogs.common.delivery import (
    DISCORD_FAILURES,
    UNKNOWN_MESSAGE,
    Backoff,
    Place,
    deliver,
    is_temporary,
    places,
)
from cogs.common.locale import translator_in
from cogs.common.markdown import with_mention
from cogs.models.embeds import comparison_embeds, sample_embeds
from cogs.training.job_buttons import job_view

log = logging.getLogger(__name__)

_MESSAGE_MARGIN = 64 * 1024  # bytes of a message besides its files
_MAX_WAIT = 300  # rounds of two seconds, between tries in an outage
_MAX_TRIES = 150  # about a day


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
    """Edits each job's message while it runs, and announces its end in a new message.

    If the channel is closed to the bot, the job moves to the admin channel, or to the direct messages of who
    ordered it. If somebody deleted the message, a new one is sent, once. Of several processes the one
    that leads does all this: no server's shard is needed to send.
    """

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app
        self._shown: dict[int, _ProgressMessage] = {}  # by job
        self._sent_anew: set[int] = set()  # active jobs whose deleted message was replaced
        self._announced: set[int] = set()  # jobs whose end was announced, until that is stored
        self._backoff = Backoff(longest=_MAX_WAIT, tries=_MAX_TRIES)

    async def cog_load(self) -> None:
        self.render.start()

    async def cog_unload(self) -> None:
        self.render.cancel()

    @tasks.loop(seconds=2)
    async def render(self) -> None:
        """Render every job. An error of one does not affect the others."""
        self._backoff.next_round()
        try:
            unnotified = await self.app.jobs.unnotified() if await self.app.leases.lead() else []
        except Exception:
            log.exception("jobs could not be shown")
            return
        for job in unnotified:
            if self._backoff.is_due(job.id) and await self.app.leases.lead():
                await self._try_to_render(job)

    @render.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()

    async def _try_to_render(self, job: Job) -> None:
        with under_reference(job.reference or ""):
            await self._render_or_back_off(job)

    async def _render_or_back_off(self, job: Job) -> None:
        try:
            await self._render_job(job)
        except DISCORD_FAILURES as error:
            log.warning("job %d: Discord is in trouble, a later round tries again: %s", job.id, error)
            if not self._backoff.fail(job.id) and job.ended:
                self._give_up(job)
        except DatabaseBusy as error:
            log.warning("job %d: a later round goes on: %s", job.id, error)
            self._backoff.fail(job.id)
        except Exception:
            log.exception("job %d could not be shown", job.id)
            self._backoff.fail(job.id)
        else:
            self._backoff.forget(job.id)

    async def _render_job(self, job: Job) -> None:
        try:
            await self._update_progress(job)
        except DISCORD_FAILURES as error:
            if not job.ended:
                raise
            log.warning("job %d: its progress message cannot be edited: %s", job.id, error)
        if job.ended:
            if job.id not in self._announced:
                await self._announce(job)
            await self._mark_notified(job)

    async def _announce(self, job: Job) -> None:
        paths = self._attachments(job)

        def render(t: Translator) -> MessageContent:
            files = tuple(partial(discord.File, path, description=_picture_text(t, path)) for path in paths)
            text, mentions = with_mention(result_text(t, job), job.requester_id)
            embeds = _result_embeds(t, job.result)
            return MessageContent(embeds, content=text, files=files, allowed_mentions=mentions)

        try:
            await deliver(self.bot, self._places(job), render)
        except Undeliverable:
            self._give_up(job)
        else:
            self._announced.add(job.id)

    def _give_up(self, job: Job) -> None:
        """Log the end of a job, which the next round marks as announced."""
        log.warning("job %d: its end reached nobody: %s", job.id, result_text(ENGLISH, job))
        self._announced.add(job.id)

    async def _mark_notified(self, job: Job) -> None:
        await self.app.jobs.mark_notified(job.id)
        self._announced.discard(job.id)
        self._sent_anew.discard(job.id)
        self._shown.pop(job.id, None)

    async def _update_progress(self, job: Job) -> None:
        if job.message_id is None and (job.ended or job.id in self._sent_anew):
            return
        now = time.time()
        t = await translator_in(self.bot, job.channel_id)
        # the template, not the text: a loss changes at every step, and that is progress, not another phase
        phase = job.phase.template if job.phase else ""
        fresh = _ProgressMessage(progress_text(t, job), job.state, phase, now)
        shown = self._shown.get(job.id)
        age = now - (job.created_at or now)
        if shown and not fresh.replaces(shown, age=age, timing=self.app.timing.job_messages):
            return
        if job.message_id is None:  # it was deleted, or its channel ended with the playground's last run
            await self._replace_progress(job, deleted=True)
        else:
            await self._edit_progress(job, job.message_id, t)
        self._shown[job.id] = fresh

    async def _edit_progress(self, job: Job, message_id: int, t: Translator) -> None:
        message = self.bot.get_partial_messageable(job.channel_id or 0).get_partial_message(message_id)
        try:
            await message.edit(**_progress_content(job, t).edit_kwargs)
        except discord.HTTPException as error:
            if is_temporary(error) or error.status == 401:
                raise
            log.warning("job %d: its progress message cannot be edited: %s", job.id, error)
            await self._replace_progress(job, deleted=error.code == UNKNOWN_MESSAGE)

    async def _replace_progress(self, job: Job, *, deleted: bool) -> None:
        """Show the progress in a new message, unless the end follows, or people delete it again."""
        if job.ended or (deleted and job.id in self._sent_anew):
            await self.app.jobs.set_message(job.id, None)
            return
        if deleted:
            self._sent_anew.add(job.id)
        try:
            message = await deliver(self.bot, self._places(job), partial(_progress_content, job))
        except Undeliverable:
            log.warning("job %d: its progress reaches nobody", job.id)
            await self.app.jobs.set_message(job.id, None)
            return
        await self.app.jobs.move(job.id, message.channel.id, message.id)

    def _places(self, job: Job) -> list[Place]:
        return places((job.channel_id, self.app.settings.admin_channel), job.requester_id)

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


def _result_embeds(t: Translator, result: JobResult | None) -> list[discord.Embed]:
    """Return the texts of a training's end: two that it was held back for, or three heroes by each model."""
    if not isinstance(result, FinetuneResult):
        return []
    if result.state == "held back" and result.verdict:
        return sample_embeds(t, result.verdict)
    return comparison_embeds(t, result.heroes)


# What screen readers say for a picture: the message has its figures in words.
_PICTURES = {
    "lengths.png": mark("Chart: how long the texts are, and how their writing ended."),
    "loss.png": mark(
        "Chart: the loss at each step of the training. The lower, the better the model guesses the texts."
    ),
}


def _picture_text(t: Translator, path: Path) -> str | None:
    return t(_PICTURES[path.name]) if path.name in _PICTURES else None


def _progress_content(job: Job, t: Translator) -> MessageContent:
    return MessageContent(content=progress_text(t, job), view=job_view(t, job))
