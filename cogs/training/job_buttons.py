"""Buttons by which operators confirm a plan, and pause, resume or cancel a job."""

from collections.abc import Awaitable, Callable
from functools import partial

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Language, later
from bot.presentation.jobs import standing
from bot.store.jobs import Job
from cogs.common.locale import language_of
from cogs.common.permissions import require_operator
from cogs.common.persistent import LastingButton, Modal, lasting

_LOOKS = {
    "confirm": (later("Confirm"), discord.ButtonStyle.success),
    "pause": (later("Pause"), discord.ButtonStyle.secondary),
    "resume": (later("Resume"), discord.ButtonStyle.success),
    "cancel": (later("Cancel"), discord.ButtonStyle.danger),
    "found": (later("It was started"), discord.ButtonStyle.primary),
    "none": (later("There is none"), discord.ButtonStyle.secondary),
}
_OFFERED = {
    "planned": ("confirm", "cancel"),
    "queued": ("pause", "cancel"),
    "running": ("pause", "cancel"),
    "paused": ("resume", "cancel"),
}
_ANSWERS = ("found", "none", "cancel")  # to a job's question


class JobButton(
    LastingButton,
    template=r"job:(?P<action>confirm|pause|resume|cancel|found|none):(?P<job_id>[0-9]{1,18})",
):
    """One button of a job's message.

    What it does and to which job stands in its id, so it outlives a restart.
    """

    def __init__(self, action: str, job_id: int, say: Language = ENGLISH) -> None:
        label, style = _LOOKS[action]
        super().__init__(f"job:{action}:{job_id}", label=say(label), style=style)
        self.action = action
        self.job_id = job_id

    async def act(self, interaction: Interaction) -> None:
        """Do it, and show how the job stands."""
        await require_operator(interaction)
        if self.action == "found":
            await interaction.response.send_modal(TrainingForm(self.job_id, await language_of(interaction)))
            return
        await interaction.response.defer()
        board = interaction.client.app.board
        act: dict[str, Callable[[int], Awaitable[Job]]] = {
            "confirm": board.confirm,
            "pause": board.pause,
            "resume": board.resume,
            "cancel": board.cancel,
            "none": partial(board.answer, remote_job_id=None),
        }
        job = await act[self.action](self.job_id)
        if job.state == "cancelled" and job.started_at is None:
            await board.announced(job.id)  # nothing had begun: its message says all there is to say
        await _show(interaction, job)


class TrainingForm(Modal):
    """The id of a training that was started though the answer got lost."""

    def __init__(self, job_id: int, say: Language) -> None:
        super().__init__(title=say("The training at the model server"))
        self.job_id = job_id
        self.remote_id: discord.ui.TextInput[TrainingForm] = discord.ui.TextInput(
            label=say("Its id there"), custom_id="id", placeholder="ftjob-...", max_length=200
        )
        self.add_item(self.remote_id)

    async def submit(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer()
        job = await interaction.client.app.board.answer(self.job_id, self.remote_id.value.strip())
        await _show(interaction, job)


async def _show(interaction: Interaction, job: Job) -> None:
    say = await language_of(interaction)
    await interaction.edit_original_response(content=standing(say, job), view=controls(say, job))


def controls(say: Language, job: Job) -> discord.ui.View | None:
    """The buttons that a job's state allows; None where it has ended."""
    actions = _ANSWERS if job.question and job.state == "paused" else _OFFERED.get(job.state)
    if actions is None:
        return None
    return lasting(JobButton(action, job.id, say) for action in actions)
