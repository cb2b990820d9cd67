"""/hero and /duel: stream a text into Discord, or two of them to choose from."""

from bot.client import HeroBot
from cogs.hero.cog import AgainButton, HeroCog, StopButton
from cogs.hero.duel_buttons import DuelButton
from cogs.hero.duel_cog import DuelCog
from cogs.hero.provenance import ProvenanceCog
from cogs.hero.take_buttons import PickButton
from cogs.hero.takes import MannerButton, TakeButton


async def setup(bot: HeroBot) -> None:
    heroes = HeroCog(bot, bot.app)
    await bot.add_cog(heroes)
    await bot.add_cog(DuelCog(bot.app, heroes))
    await bot.add_cog(ProvenanceCog(bot, bot.app))
    bot.add_dynamic_items(StopButton, AgainButton, DuelButton, TakeButton, MannerButton, PickButton)
