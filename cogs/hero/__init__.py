"""/hero, /duel, /team and /story: stream a text into Discord, or two of them to choose from."""

from bot.client import HeroBot
from cogs.hero.cards import CardButton, CardCog
from cogs.hero.cog import AgainButton, HeroCog, StopButton
from cogs.hero.duel_buttons import DuelButton
from cogs.hero.duel_cog import DuelCog
from cogs.hero.provenance import ProvenanceCog
from cogs.hero.story_cog import SceneButton, StoryCog
from cogs.hero.take_buttons import PickButton
from cogs.hero.takes import MannerButton, TakeButton
from cogs.hero.team_cog import TeamAgainButton, TeamCog


async def setup(bot: HeroBot) -> None:
    heroes = HeroCog(bot, bot.app)
    await bot.add_cog(heroes)
    await bot.add_cog(DuelCog(bot.app, heroes))
    await bot.add_cog(TeamCog(bot.app, heroes))
    await bot.add_cog(StoryCog(bot.app, heroes))
    await bot.add_cog(CardCog(bot, bot.app))
    await bot.add_cog(ProvenanceCog(bot, bot.app))
    bot.add_dynamic_items(CardButton, StopButton, AgainButton, DuelButton, TeamAgainButton, SceneButton)
    bot.add_dynamic_items(TakeButton, MannerButton, PickButton)
