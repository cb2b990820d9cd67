"""Reports of texts, and the operators' decisions on them."""

from bot.client import HeroBot
from cogs.moderation.buttons import DuelReportButton, ReportButton
from cogs.moderation.notices import RemovalButton, ReportedTextButton
from cogs.moderation.reports import WithdrawButton


async def setup(bot: HeroBot) -> None:
    bot.add_dynamic_items(ReportButton, DuelReportButton, ReportedTextButton, RemovalButton, WithdrawButton)
