"""Buttons for operators: confirm a plan, pause, resume or cancel a job, answer its question."""

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.presentation.jobs import is_dropped_plan, progress_text
from bot.store.jobs import Job
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import Modal, PersistentButton, persistent_view
from cogs.common.responses import answer, confirm

_STYLES = {
    "confirm": (mark("Confirm"), discord.ButtonStyle.success),
    "pause": (mark("Pause"), discord.ButtonStyle.secondary),
    "resume": (mark("Resume"), discord.ButtonStyle.success),
    "cancel": (mark("Cancel"), discord.ButtonStyle.danger),
    "abandon": (mark("Cancel for good"), discord.ButtonStyle.danger),
    "found": (mark("It was started"), discord.ButtonStyle.primary),
    "none": (mark("There is none"), discord.ButtonStyle.secondary),
}
_ACTIONS = {
    "planned": ("confirm", "cancel"),
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
}
_ANSWERS = ("found", "none", "cancel")  # to a job's question


class JobButton(
    PersistentButton,
    template=r"job:(?P<action>confirm|pause|resume|cancel|abandon|found|none):(?P<job_id>[0-9]{1,18})",
):
    """One button of a job's message. Its custom_id holds the action and the job, so it survives restarts."""

    def __init__(self, action: str, job_id: int, t: Translator = ENGLISH) -> None:
        label, style = _STYLES[action]
        super().__init__(f"job:{action}:{job_id}", label=t(label), style=style)
        self.action = action
        self.job_id = job_id

    async def handle(self, interaction: Interaction) -> None:
        """Run the action, and update the message."""
        await require_operator(interaction)
        if self.action == "found":
            await interaction.response.send_modal(TrainingForm(self.job_id, await translator_of(interaction)))
            return
        await interaction.response.defer()
        queue = interaction.client.app.jobs
        if self.action == "cancel" and _is_begun_training(job := await queue.get(self.job_id)):
            await _ask_to_abandon(interaction, job)
            return
        actions: dict[str, Callable[[int], Awaitable[Job]]] = {
            "confirm": queue.confirm,
            "pause": queue.pause,
            "resume": queue.resume,
            "cancel": queue.cancel,
            "abandon": queue.cancel,
            "none": partial(queue.answer, remote_job_id=None),
        }
        job = await actions[self.action](self.job_id)
        if is_dropped_plan(job):
            await queue.mark_notified(job.id)  # nothing had started: its message says so already
        await _show(interaction, job)


def _is_begun_training(job: Job) -> bool:
    return job.kind == "finetune" and job.started_at is not None and job.state in _ACTIONS


async def _ask_to_abandon(interaction: Interaction, job: Job) -> None:
    """Ask once, since hours of work may be lost."""
    t = await translator_of(interaction)
    text = t(
        "What this training has done so far, {done:.0%}, would be lost; Pause keeps it. Cancel it for good?",
        done=job.done / max(1, job.total),
    )
    await confirm(interaction, text, persistent_view([JobButton("abandon", job.id, t)]))


class TrainingForm(Modal):
    """Asks for the id of a training that was started although the answer was lost."""

    def __init__(self, job_id: int, t: Translator) -> None:
        super().__init__(title=t("The training that was asked for"))
        self.job_id = job_id
        self.remote_id: discord.ui.TextInput[TrainingForm] = discord.ui.TextInput(
            label=t("Its id there"), custom_id="id", placeholder="ftjob-...", max_length=200
        )
        self.add_item(self.remote_id)

    async def submit(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer()
        job = await interaction.client.app.jobs.answer(self.job_id, self.remote_id.value.strip())
        await _show(interaction, job)


async def _show(interaction: Interaction, job: Job) -> None:
    t = await translator_of(interaction)
    await answer(interaction, MessageContent(content=progress_text(t, job), view=job_view(t, job)))


def job_view(t: Translator, job: Job) -> discord.ui.View | None:
    """Return the buttons that a job's state allows; None if it has ended."""
    actions = _ANSWERS if job.question and job.state == "paused" else _ACTIONS.get(job.state)
    if actions is None:
        return None
    return persistent_view(JobButton(action, job.id, t) for action in actions)
