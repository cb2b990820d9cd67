"""/heroes: what somebody asked for, shows to others and keeps; and the 🔖 under a hero."""

from bot.client import HeroBot
from cogs.heroes.cog import HeroesCog
from cogs.heroes.deletion import DeleteHeroButton, DeleteMenu
from cogs.heroes.keep import KeepButton
from cogs.heroes.pages import HeroListButton
from cogs.heroes.permissions import PermissionButton


async def setup(bot: HeroBot) -> None:
    await bot.add_cog(HeroesCog(bot, bot.app))
    bot.add_dynamic_items(HeroListButton, DeleteMenu, DeleteHeroButton, KeepButton, PermissionButton)
