"""/hero and /duel: stream a text into Discord, or two of them to choose from."""

from bot.client import HeroBot
from cogs.hero.cards import CardButton, CardCog
from cogs.hero.cog import AgainButton, HeroCog, StopButton
from cogs.hero.duel_buttons import DuelButton
from cogs.hero.duel_cog import DuelCog


async def setup(bot: HeroBot) -> None:
    heroes = HeroCog(bot, bot.app)
    await bot.add_cog(heroes)
    await bot.add_cog(DuelCog(bot.app, heroes))
    await bot.add_cog(CardCog(bot, bot.app))
    bot.add_dynamic_items(CardButton, StopButton, AgainButton, DuelButton)
