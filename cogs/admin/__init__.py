"""/settings and /powers, what admins are notified of, and scheduled backups."""

from bot.client import HeroBot
from cogs.admin.backups import BackupsCog
from cogs.admin.notifications import NotificationsCog
from cogs.admin.powers import PowersCog
from cogs.admin.settings import ChannelMenu, SettingsCog


async def setup(bot: HeroBot) -> None:
    for cog in (SettingsCog, PowersCog, NotificationsCog, BackupsCog):
        await bot.add_cog(cog(bot, bot.app))
    bot.add_dynamic_items(ChannelMenu)
