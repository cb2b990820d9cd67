"""The first minutes in a server: the greeting, what thumbs are for, and which permissions are missing."""

from bot.client import HeroBot
from cogs.onboarding.explanation import ExplanationCog
from cogs.onboarding.greeting import GreetingCog
from cogs.onboarding.permissions import PermissionsButton


async def setup(bot: HeroBot) -> None:
    await bot.add_cog(GreetingCog(bot, bot.app))
    await bot.add_cog(ExplanationCog(bot, bot.app))
    bot.add_dynamic_items(PermissionsButton)
