"""🔖 under a hero: keep it among one's favourites."""

from bot.client import Interaction
from cogs.common.locale import translator_or_english
from cogs.common.persistent import PersistentButton
from cogs.common.responses import confirm


class KeepButton(PersistentButton, template=r"hero:keep:(?P<description_id>[0-9]{1,18})"):
    """Keeps a description for the person who clicks, or stops keeping it."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:keep:{description_id}", emoji="🔖")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        kept = await interaction.client.app.hero_lists.toggle(self.description_id, interaction.user.id)
        t = await translator_or_english(interaction)  # it is stored: nothing after it may fail
        if kept:
            text = t("🔖 Kept: you find it in `{/heroes favourites}`. The same button takes it out.")
        else:
            text = t("Taken out of your favourites.")
        await confirm(interaction, text)
