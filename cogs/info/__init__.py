"""Commands that tell people about the bot, the best texts, and themselves."""

from bot.client import HeroBot
from cogs.info.about import AboutCog
from cogs.info.help import HelpCog
from cogs.info.leaderboard import LeaderboardCog, PageButton
from cogs.info.privacy import PrivacyButton, PrivacyCog
from cogs.info.quota import QuotaCog


async def setup(bot: HeroBot) -> None:
    for cog in (HelpCog, LeaderboardCog, AboutCog, PrivacyCog, QuotaCog):
        await bot.add_cog(cog(bot, bot.app))
    bot.add_dynamic_items(PageButton, PrivacyButton)
