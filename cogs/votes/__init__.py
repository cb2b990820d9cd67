"""Thumbs under descriptions become votes."""

from bot.client import HeroBot
from cogs.votes.buttons import ThumbButton
from cogs.votes.cog import VotesCog


async def setup(bot: HeroBot) -> None:
    await bot.add_cog(VotesCog(bot, bot.app))
    bot.add_dynamic_items(ThumbButton)
