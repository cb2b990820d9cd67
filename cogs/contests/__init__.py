"""The hero of the week, and seasons."""

from bot.client import HeroBot
from cogs.contests.seasons import EndSeasonButton, SeasonsCog
from cogs.contests.weekly import WeeklyCog


async def setup(bot: HeroBot) -> None:
    for cog in (SeasonsCog, WeeklyCog):
        await bot.add_cog(cog(bot, bot.app))
    bot.add_dynamic_items(EndSeasonButton)
