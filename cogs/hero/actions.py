"""What Stop and Again do under a hero."""

from bot.client import Interaction
from cogs.common.persistent import PersistentButton
from cogs.hero.cog import HeroCog


class StopButton(PersistentButton, template=r"hero:stop:(?P<generation>[0-9]{1,20})"):
    """Ends a generation and keeps the text so far."""

    def __init__(self, generation: int) -> None:
        super().__init__(f"hero:stop:{generation}")
        self.generation = generation

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(HeroCog).live_messages.stop(interaction, self.generation)


class AgainButton(PersistentButton, template=r"hero:again:(?P<description_id>[0-9]{1,20})"):
    """Describes the same hero once more."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:again:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(HeroCog).describe_again(interaction, self.description_id)
