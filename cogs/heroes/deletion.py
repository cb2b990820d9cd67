"""Delete a hero of one's own: choose it from the list, confirm, and its message is emptied."""

import logging

import discord

from bot import palette
from bot.client import HeroBot, Interaction
from bot.community.privacy import OwnText
from bot.i18n.message import ENGLISH, Translator
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, is_gone
from cogs.common.locale import translator_of, translator_of_guild
from cogs.common.persistent import PersistentButton, PersistentItem, persistent_view
from cogs.common.responses import answer, confirm
from cogs.hero.cards import remove_cards
from cogs.hero.shown import shown_title
from cogs.heroes.pages import (
    STATE,
    HeroListButton,
    list_content,
    list_request,
    read_model,
    read_power,
    shown_text,
)
from cogs.info.privacy import datasets_text
from cogs.moderation.reports import refresh_takes

log = logging.getLogger(__name__)

_MAX_TITLE = 256  # characters, by Discord's limit


class DeleteMenu(PersistentItem[discord.ui.Select[discord.ui.View]], template=rf"heroes:pick:{STATE}"):
    """Chooses a hero of the page, to delete it. cogs/heroes/pages.py makes the menu."""

    def __init__(self, page: int, model: int | str, power: str) -> None:
        super().__init__(discord.ui.Select(custom_id=f"heroes:pick:{page}:{model}:{power}"))
        self.page = page
        self.model = model
        self.power = power

    async def handle(self, interaction: Interaction) -> None:
        """Ask whether to delete it, in place of the list."""
        await interaction.response.defer()
        t = await translator_of(interaction)
        app = interaction.client.app
        chosen = await app.privacy.own_text(interaction.user.id, int(self.item.values[0]))
        embed = discord.Embed(
            title=(await shown_title(app, chosen.description, t))[:_MAX_TITLE],
            description=shown_text(chosen.description, t),
            colour=discord.Colour.from_str(palette.MODEL),
        )
        buttons = [
            DeleteHeroButton(chosen.description.id, self.page, self.model, self.power, t),
            HeroListButton("mine", 0, self.page, self.model, self.power, t("Keep it")),
        ]
        await answer(
            interaction,
            MessageContent(embeds=[embed], view=persistent_view(buttons), content=_question(chosen, t)),
        )


class DeleteHeroButton(
    PersistentButton, template=rf"heroes:delete:(?P<description_id>[0-9]{{1,18}}):{STATE}"
):
    """Deletes a hero that the person who clicks asked for, and shows their list again."""

    def __init__(
        self, description_id: int, page: int, model: int | str, power: str, t: Translator = ENGLISH
    ) -> None:
        super().__init__(
            f"heroes:delete:{description_id}:{page}:{model}:{power}",
            label=t("Delete it"),
            style=discord.ButtonStyle.danger,
        )
        self.description_id = description_id
        self.page = page
        self.model = model
        self.power = power

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        app = interaction.client.app
        chosen = await app.privacy.own_text(interaction.user.id, self.description_id)
        # before their rows go with the text
        without_cards = [await remove_cards(interaction.client, each) for each in chosen.ids]
        deleted, datasets = await app.privacy.delete_text(interaction.user.id, self.description_id)
        emptied = await _empty_message(interaction.client, deleted) and all(without_cards)
        t = await translator_of(interaction)
        said = [t("This hero is deleted."), datasets_text(t, datasets)]
        if not emptied:
            said.append(t("I could not empty its message in Discord: delete that yourself, if you can."))
        wanted = list_request(interaction, "mine", 0, read_model(self.model), read_power(self.power))
        content = await list_content(interaction, wanted, self.page, said="\n".join(filter(None, said)))
        await answer(interaction, content)
        # there may be many, and Discord takes about one edit a second
        if not await refresh_takes(interaction.client, deleted.ids):
            await confirm(
                interaction, t("I could not take it out of all messages with other takes, which quote it.")
            )


def _question(chosen: OwnText, t: Translator) -> str:
    parts = [
        t(
            "**Delete this hero? This cannot be undone.** Its text is emptied and taken out of datasets, and "
            "its message in Discord is emptied if I can; its votes, and choices between it and another text, "
            "no longer teach the bot anything. A model that has learnt from it keeps what it learnt."
        )
    ]
    if chosen.duel:
        parts.append(
            t("It is one of two texts of a duel: both go. What people chose there still counts in its trial.")
        )
    return "\n".join(parts)


async def _empty_message(bot: HeroBot, deleted: OwnText) -> bool:
    """Replace a message's text by a notice. Return False if somebody may still read the text there."""
    if deleted.message is None:
        return True
    channel_id, message_id = deleted.message
    guild_id = deleted.description.guild_id
    t = await translator_of_guild(bot, guild_id)
    notice = MessageContent(content=t("The person who asked for it had it deleted."))
    channel = bot.get_partial_messageable(channel_id, guild_id=guild_id)
    try:
        await channel.get_partial_message(message_id).edit(**notice.edit_kwargs, attachments=[])
    except DISCORD_FAILURES as error:
        if is_gone(error):
            return True
        log.warning("the message of a deleted description could not be emptied: %s", error)
        return False
    return True
