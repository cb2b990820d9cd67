"""Reported texts: hide them after enough reports, and show them again when operators keep them."""

import logging
from collections.abc import Iterable
from typing import Literal

import discord

from bot.client import HeroBot, Interaction
from bot.i18n.message import ENGLISH, LocalizedMessage, Translator, mark
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of, translator_of_guild
from cogs.common.persistent import Modal, PersistentButton, persistent_view
from cogs.common.responses import answer, confirm, with_retries
from cogs.hero.cards import remove_cards
from cogs.hero.duel_embeds import duel_content
from cogs.hero.shown import shown_content
from cogs.votes.buttons import offer_thumbs

log = logging.getLogger(__name__)

ReportReason = Literal["insult", "unsuitable", "other"]

_MAX_WORDS = 300  # characters: a notice quotes the text as well

_REASONS: dict[ReportReason, str] = {
    "insult": mark("It insults or threatens somebody"),
    "unsuitable": mark("It is cruel, or not fit for everyone"),
    "other": mark("Something else"),
}


async def ask_for_report(interaction: Interaction, description_id: int) -> None:
    """Ask what is wrong with a description, and whether to report it. Raise UserError if that cannot be."""
    app = interaction.client.app
    await app.content_reports.check(description_id, interaction.user.id)
    t = await translator_of(interaction)
    form = ReportForm(description_id, app.settings.reports_to_hide, t)
    await interaction.response.send_modal(form)


class ReportForm(Modal):
    """Asks once before a report acts."""

    def __init__(self, description_id: int, reports_to_hide: int, t: Translator) -> None:
        super().__init__(title=t("Report this text?"))
        self.description_id = description_id
        self.reason: discord.ui.Select[ReportForm] = discord.ui.Select(
            custom_id="reason",
            options=[discord.SelectOption(label=t(label), value=key) for key, label in _REASONS.items()],
        )
        consequence = t.count(
            "The operators of this bot will read the text. It is hidden until they decide.",
            "The operators of this bot will read the text. Once {number} people have reported it, it is "
            "hidden until they decide.",
            reports_to_hide,
        )
        self.words: discord.ui.TextInput[ReportForm] = discord.ui.TextInput(
            custom_id="words", style=discord.TextStyle.paragraph, required=False, max_length=_MAX_WORDS
        )
        self.add_item(discord.ui.TextDisplay(consequence))
        self.add_item(discord.ui.Label(text=t("What is wrong with it?"), component=self.reason))
        self.add_item(discord.ui.Label(text=t("In your own words, if you like"), component=self.words))

    async def submit(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        reason = next(key for key in _REASONS if key in self.reason.values)
        words = " ".join(self.words.value.split())
        await _report(interaction, self.description_id, reason, words)


class WithdrawButton(PersistentButton, template=r"report:withdraw:(?P<description_id>[0-9]{1,18})"):
    """Takes a report back, for the person who made it."""

    def __init__(self, description_id: int, t: Translator = ENGLISH) -> None:
        super().__init__(f"report:withdraw:{description_id}", label=t("Take it back"))
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        await interaction.client.app.content_reports.withdraw(self.description_id, interaction.user.id)
        t = await translator_of(interaction)
        await answer(interaction, t("Your report is taken back."))


async def _report(interaction: Interaction, description_id: int, reason: ReportReason, words: str) -> None:
    """Report a description to the operators, and hide it at once after enough reports."""
    bot = interaction.client
    t = await translator_of(interaction)
    result = await bot.app.content_reports.report(
        description_id, interaction.user.id, LocalizedMessage(_REASONS[reason]), words=words
    )
    if result.hidden is None:
        thanks = t("Thank you: the operators will look at it.")
        if not result.operators_learn:
            thanks = t(
                "Thank you: your report is noted. The operators have kept this text after earlier reports."
            )
        await confirm(interaction, thanks, persistent_view([WithdrawButton(description_id, t)]))
        return
    # a click lets the bot edit its message even in a server that the bot is not in
    content, _ = await current_message(bot, result.hidden, t)
    await with_retries(lambda: answer(interaction, content))
    await remove_cards(bot, description_id)
    await confirm(interaction, t("Thank you: the text is hidden now, until the operators decide."))
    await refresh_takes(bot, [result.hidden.id])


async def refresh_message(bot: HeroBot, description: Description) -> bool:
    """Bring a description's message up to date, and those of its takes, which quote it.

    Its cards are deleted if it is hidden. Returns False if the bot may not change one of these messages.
    """
    refreshed = await _refresh_own(bot, description)
    return await refresh_takes(bot, [description.id]) and refreshed


async def refresh_takes(bot: HeroBot, parent_ids: Iterable[int]) -> bool:
    """Bring the messages of takes of these texts up to date, which quote what was hidden or deleted now.

    Returns False if the bot may not change one of them.
    """
    refreshed = True
    for parent_id in parent_ids:
        async for take in bot.app.takes.of_parent(parent_id):
            refreshed = await _refresh_own(bot, take) and refreshed
    return refreshed


async def _refresh_own(bot: HeroBot, description: Description) -> bool:
    """Bring a description's message up to date, and delete its cards if it is hidden.

    Returns False if the bot may not change one of them.
    """
    cards_gone = description.removed_at is None or await remove_cards(bot, description.id)
    t = await translator_of_guild(bot, description.guild_id)
    content, location = await current_message(bot, description, t)
    if location is None:
        return cards_gone
    channel_id, message_id = location
    channel = bot.get_partial_messageable(channel_id, guild_id=description.guild_id)
    try:
        message = await channel.get_partial_message(message_id).edit(**content.edit_kwargs)
    except discord.NotFound:  # nobody sees it any more
        return cards_gone
    except DISCORD_FAILURES as error:
        log.warning("description %d is still seen as it was: %s", description.id, error)
        return False
    if message and description.message_id and description.removed_at is None:
        # the edit dropped the vote buttons, if any; the texts of a duel have no message of their own
        await offer_thumbs(message, description.id)
    return cards_gone


async def current_message(
    bot: HeroBot, description: Description, t: Translator
) -> tuple[MessageContent, tuple[int, int] | None]:
    """Return what a description's message should show now, and its channel and message ids if it has one."""
    pairing = await bot.app.duels.with_description(description.id)
    if pairing:
        content = duel_content(pairing, await bot.app.powers.vocabulary(), t)
    else:
        content = await shown_content(bot.app, description, t)
    shown = pairing or description
    if shown.channel_id is None or shown.message_id is None:
        return content, None
    return content, (shown.channel_id, shown.message_id)
