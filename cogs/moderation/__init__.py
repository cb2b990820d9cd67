"""Reports of texts, and the operators' decisions on them."""

from bot.client import HeroBot
from cogs.moderation.buttons import DuelReportButton, ReportButton
from cogs.moderation.notices import RemovalButton, ReportedTextButton
from cogs.moderation.reports import WithdrawButton
from cogs.moderation.undelivered import UndeliveredReportsCog


async def setup(bot: HeroBot) -> None:
    bot.add_dynamic_items(ReportButton, DuelReportButton, ReportedTextButton, RemovalButton, WithdrawButton)
    await bot.add_cog(UndeliveredReportsCog(bot, bot.app))
