"""What operators see of a report: its notice, the text on demand, and the buttons for a decision."""

import re
from dataclasses import dataclass

import discord

from bot.client import HeroBot, Interaction
from bot.community.content_reports import ContentReports
from bot.errors import Unavailable, UserError
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator, mark
from bot.store.descriptions import Description
from bot.store.notifications import Notification
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of, translator_of_button
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import require_operator
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer, confirm
from cogs.moderation.reports import current_message, refresh_message

_MAX_MESSAGE = 2000  # characters, by Discord's limit
_MAX_QUOTE = 1200  # characters; a verdict keeps 1,600 of the notice
_QUOTE = re.compile(r"^> [^\n]*$|```.*?```", re.DOTALL | re.MULTILINE)  # code blocks stand in older messages
_NOT_EDITABLE = mark(
    "Its message in Discord stays as it is: I may not change it there. Where only a person installed me, "
    "I can change a message only while somebody clicks under it."
)
_EXPLAINED = mark(
    "Remove hides it for good, and no model learns from it. Keep shows it as before, and dismisses the "
    "reports."
)
_EXPLAINED_HIDDEN = mark(
    "**It is hidden now**, because enough people have reported it. Keep shows it again, and dismisses the "
    "reports. Remove leaves it hidden for good, and no model learns from it."
)
_VERDICTS = {
    "remove": (mark("Remove"), discord.ButtonStyle.danger),
    "keep": (mark("Keep"), discord.ButtonStyle.secondary),
}


@dataclass(frozen=True, slots=True)
class ReportNotice:
    """A notice to operators.

    words: what its reporters wrote of their own. found: None if the text was deleted meanwhile. link: the
    message that shows the text.
    """

    head: LocalizedMessage
    words: list[str]
    description_id: int
    found: Description | None
    link: str | None

    def content(self, t: Translator, *, private: bool, above: str = "") -> MessageContent:
        """Return the message. above: a line that stands before the notice.

        private: whether operators alone read where it is shown. Elsewhere it quotes neither the text nor
        reporters; a button shows them.
        """
        # a notice that an older version stored has all of these lines in one template, and the text in it
        lines = [*filter(None, [above]), t(self.head).partition("\n")[0]]
        if private and self.found:
            lines.append(_quoted(self.found.text))
        elif self.link:
            lines.append(t("[Look at its message]({link})", link=self.link))
        explained = t(_EXPLAINED)
        if self.found and self.found.removed_at is not None:
            explained = t(_EXPLAINED_HIDDEN)
        shown = not private
        if private:
            said = _words_lines(self.words, t)
            fitting = _fitting(said, _MAX_MESSAGE - len("\n".join([*lines, explained])), t)
            lines += fitting
            shown = fitting != said
        buttons: list[PersistentButton] = [
            RemovalButton(verdict, self.description_id, t) for verdict in _VERDICTS
        ]
        if shown:
            buttons.insert(0, ReportedTextButton(self.description_id, t))
        return MessageContent(content="\n".join([*lines, explained]), view=persistent_view(buttons))


async def report_notice(bot: HeroBot, notification: Notification, description_id: int) -> ReportNotice:
    """Return the notice of a report."""
    words = await bot.app.content_reports.words(description_id, notice_id=notification.id)
    try:
        found = await bot.app.content_reports.get(description_id)
    except UserError:
        return ReportNotice(notification.text, words, description_id, None, None)
    _, location = await current_message(bot, found, ENGLISH)
    link = None
    if location:
        channel_id, message_id = location
        channel = bot.get_partial_messageable(channel_id, guild_id=found.guild_id)
        link = channel.get_partial_message(message_id).jump_url
    return ReportNotice(notification.text, words, description_id, found, link)


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
        words = await interaction.client.app.content_reports.words(self.description_id)
        first, *others = _pages([_quoted(found.text), *_words_lines(words, t)], _MAX_MESSAGE)
        await answer(interaction, first)
        for page in others:
            await interaction.followup.send(page, ephemeral=True)


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
            await self._show_as_past(interaction, refusal)
            return
        refreshed = await refresh_message(interaction.client, description)
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

    async def _show_as_past(self, interaction: Interaction, refusal: UserError) -> None:
        """Tell the operator that there is nothing to decide any more, and say so in place of the buttons."""
        t = await translator_of(interaction)
        await confirm(interaction, t(refusal.message))
        current = await interaction.original_response()
        if current.components:  # else the verdict of another operator stands there
            label, _ = _VERDICTS[self.verdict]
            t = await translator_of_button(interaction, label)
            content = _QUOTE.sub("> …", current.content)  # the text may be deleted
            await answer(interaction, f"{content[:1600]}\n{t(refusal.message)}")


def _is_private(interaction: Interaction) -> bool:
    """Return whether operators alone read here: in the admin channel, or a direct message."""
    admin_channel = interaction.client.app.settings.admin_channel
    return interaction.guild_id is None or interaction.channel_id == admin_channel


def _words_lines(words: list[str], t: Translator) -> list[str]:
    """Return a line for what each reporter wrote, without characters that Discord would render."""
    return [t("A report says: “{words}”", words=escape_markdown(each)) for each in words]


def _fitting(lines: list[str], most: int, t: Translator) -> list[str]:
    """Return the first lines that fit into so many characters, with a line that says how many do not."""
    for left_out in range(len(lines) + 1):
        kept = lines[: len(lines) - left_out]
        if left_out:
            kept.append(t.count("… and {number} more report", "… and {number} more reports", left_out))
        if sum(len(line) + 1 for line in kept) <= most:
            break
    return kept


def _pages(lines: list[str], most: int) -> list[str]:
    """Return the lines as texts of at most so many characters. No line is that long."""
    pages = lines[:1]
    for line in lines[1:]:
        if len(pages[-1]) + 1 + len(line) > most:
            pages.append(line)
        else:
            pages[-1] += f"\n{line}"
    return pages


def _quoted(text: str) -> str:
    """Return a text as a quote of one line, without characters that Discord would render."""
    escaped = escape_markdown(" ".join(text.split()))
    if len(escaped) > _MAX_QUOTE:
        escaped = escaped[:_MAX_QUOTE].rstrip("\\") + " ..."
    return f"> {escaped}"
