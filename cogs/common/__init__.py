"""What all features share: responses, permissions, locales, persistent buttons, error messages."""

from bot.client import HeroBot
from cogs.common.errors import report_failure
from cogs.common.locale import CatalogueTranslator


async def setup(bot: HeroBot) -> None:
    bot.report_failure = report_failure
    await bot.tree.set_translator(CatalogueTranslator(bot.app.guild_settings.languages))
