"""/models: the registry of tuned models."""

from bot.client import HeroBot
from cogs.models.buttons import OverruleButton, PromoteButton
from cogs.models.cog import ModelsCog


async def setup(bot: HeroBot) -> None:
    await bot.add_cog(ModelsCog(bot, bot.app))
    bot.add_dynamic_items(PromoteButton, OverruleButton)
