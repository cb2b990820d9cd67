"""The buttons of other takes: how a hero is to be written anew, and which text one likes better."""

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator, mark
from bot.rating.picks import PickResult
from bot.store.picks import Preference
from cogs.common.locale import translator_or_english
from cogs.common.persistent import PersistentButton
from cogs.common.responses import confirm

_LABELS: dict[Preference, str] = {
    "parent": mark("I like the one before better"),
    "take": mark("I like this take better"),
}


class PickButton(PersistentButton, template=r"pick:(?P<prefers>take|parent):(?P<take_id>[0-9]{1,18})"):
    """Says which of two texts a person likes better: a take, or the text before it."""

    def __init__(self, prefers: Preference, take_id: int, t: Translator = ENGLISH) -> None:
        style = discord.ButtonStyle.primary
        super().__init__(f"pick:{prefers}:{take_id}", label=t(_LABELS[prefers]), style=style, row=0)
        self.prefers: Preference = prefers
        self.take_id = take_id

    async def handle(self, interaction: Interaction) -> None:
        """Store the pick, and tell the person alone."""
        await interaction.response.defer(ephemeral=True)
        result = await interaction.client.app.picks.pick(self.take_id, interaction.user.id, self.prefers)
        t = await translator_or_english(interaction)  # the pick is stored: nothing after it may fail
        await confirm(interaction, _picked_text(result, t))


def _picked_text(result: PickResult, t: Translator) -> str:
    liked = {
        "take": mark("Noted: you like this take better."),
        "parent": mark("Noted: you like the text before better."),
    }
    first = t("You changed your mind, and that is noted.") if result.changed else t(liked[result.prefers])
    if result.not_counted:
        return f"{first} {t(result.not_counted)}"
    return f"{first} {t('The bot may learn from it. The other button changes your mind.')}"
