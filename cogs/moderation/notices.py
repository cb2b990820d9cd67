"""What operators see of a report: its notice, the text on demand, and the buttons for a decision."""

import re
from dataclasses import dataclass

import discord

from bot.client import HeroBot, Interaction
from bot.community.content_reports import ContentReports
from bot.errors import Unavailable, UserError
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator, mark
from bot.store.descriptions import Description
from bot.store.notifications import without_words
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of, translator_of_button
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer, confirm
from cogs.moderation.reports import current_message, refresh_message

_MAX_QUOTE = 1200  # characters; a verdict keeps 1,600 of the notice
_QUOTE = re.compile(r"^> [^\n]*$|```.*?```", re.DOTALL | re.MULTILINE)  # code blocks stand in older messages
_NOT_EDITABLE = mark(
    "Its message in Discord stays as it is: I may not change it there. Where only a person installed me, "
    "I can change a message only while somebody clicks under it."
)
_VERDICTS = {
    "remove": (mark("Remove"), discord.ButtonStyle.danger),
    "keep": (mark("Keep"), discord.ButtonStyle.secondary),
}


@dataclass(frozen=True, slots=True)
class ReportNotice:
    """A notice to operators. It quotes text and reporter only where nobody else reads; a button shows them.

    found: None if the text was deleted meanwhile. link: the message that shows the text.
    """

    head: LocalizedMessage
    description_id: int
    found: Description | None
    link: str | None
    private: bool

    def content(self, t: Translator) -> MessageContent:
        # a notice that an older version stored has all of these lines in one template, and the text in it
        head = self.head if self.private else without_words(self.head)
        lines = [t(head).partition("\n")[0]]
        if self.private and self.found:
            lines.append(_quoted(self.found.text))
        elif self.link:
            lines.append(t("[Look at its message]({link})", link=self.link))
        lines.append(
            t(
                "Remove hides it for good, and no model learns from it. Keep shows it as before, and "
                "dismisses the reports."
            )
        )
        buttons: list[PersistentButton] = [
            RemovalButton(verdict, self.description_id, t) for verdict in _VERDICTS
        ]
        if not self.private:
            buttons.insert(0, ReportedTextButton(self.description_id, t))
        return MessageContent(content="\n".join(lines)[:2000], view=persistent_view(buttons))


async def report_notice(
    bot: HeroBot, head: LocalizedMessage, description_id: int, *, private: bool
) -> ReportNotice:
    """Return the notice of a report. private: whether operators alone read where it is sent."""
    try:
        found = await bot.app.content_reports.get(description_id)
    except UserError:
        return ReportNotice(head, description_id, None, None, private)
    _, location = await current_message(bot, found, ENGLISH)
    link = None
    if location:
        channel_id, message_id = location
        channel = bot.get_partial_messageable(channel_id, guild_id=found.guild_id)
        link = channel.get_partial_message(message_id).jump_url
    return ReportNotice(head, description_id, found, link, private)


class ReportedTextButton(PersistentButton, template=r"removal:show:(?P<description_id>[0-9]{1,18})"):
    """Shows a reported text to the operator who clicks, and to nobody else."""

    def __init__(self, description_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"removal:show:{description_id}", label=t("Show the text"))
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await require_operator(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        found = await interaction.client.app.content_reports.get(self.description_id)
        t = await translator_of(interaction)
        said = await interaction.client.app.content_reports.words(self.description_id)
        lines = [_quoted(found.text), *(t("A report says: “{words}”", words=words) for words in said)]
        await answer(interaction, "\n".join(lines)[:2000])


class RemovalButton(
    PersistentButton,
    template=r"removal:(?P<verdict>remove|keep):(?P<description_id>[0-9]{1,18})",
):
    """An operator's verdict on a reported description."""

    def __init__(self, verdict: str, description_id: int, t: Translator = ENGLISH) -> None:
        label, style = _VERDICTS[verdict]
        super().__init__(f"removal:{verdict}:{description_id}", label=t(label), style=style)
        self.verdict = verdict
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        """Apply the verdict and put it in place of the buttons."""
        await require_operator(interaction)
        await interaction.response.defer()
        try:
            description = await self._apply(interaction.client.app.content_reports)
        except Unavailable:
            raise
        except UserError as refusal:
            await _show_as_past(interaction, refusal)
            return
        refreshed = await refresh_message(
            interaction.client, description, by_operators=self.verdict == "remove"
        )
        content = interaction.message.content if interaction.message else ""
        label, _ = _VERDICTS[self.verdict]
        t = await translator_of_button(interaction, label)
        done = mark("🗑️ Removed, by {person}.") if self.verdict == "remove" else mark("✅ Kept, by {person}.")
        verdict = t(done, person=interaction.user.mention)
        if not refreshed:
            verdict += f"\n{t(_NOT_EDITABLE)}"
        if self.verdict == "remove" or not _is_private(interaction):
            content = _QUOTE.sub("> …", content)
        await answer(interaction, f"{content[:1600]}\n{verdict}")

    async def _apply(self, reports: ContentReports) -> Description:
        if self.verdict == "remove":
            return await reports.remove(self.description_id)
        return await reports.keep(self.description_id)


async def _show_as_past(interaction: Interaction, refusal: UserError) -> None:
    """Tell the operator that there is nothing to decide any more, and say so in place of the buttons."""
    t = await translator_of(interaction)
    current = await interaction.original_response()
    if current.components:  # else the verdict of another operator stands there
        content = _QUOTE.sub("> …", current.content)  # the text may be deleted
        await answer(interaction, f"{content[:1600]}\n{t(refusal.message)}")
    await confirm(interaction, t(refusal.message))


def _is_private(interaction: Interaction) -> bool:
    """Return whether operators alone read here: in the admin channel, or a direct message."""
    admin_channel = interaction.client.app.settings.admin_channel
    return interaction.guild_id is None or interaction.channel_id == admin_channel


def _quoted(text: str) -> str:
    """Return a text as a quote of one line, without characters that Discord would render."""
    escaped = escape_markdown(" ".join(text.split()))
    if len(escaped) > _MAX_QUOTE:
        escaped = escaped[:_MAX_QUOTE].rstrip("\\") + " ..."
    return f"> {escaped}"
