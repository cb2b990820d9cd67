"""/settings, /powers, /people and /doctor, what admins are notified of, and scheduled backups."""

from bot.client import HeroBot
from cogs.admin.backups import BackupsCog
from cogs.admin.doctor import DoctorCog
from cogs.admin.notifications import NotificationsCog
from cogs.admin.people import PeopleCog
from cogs.admin.powers import PowersCog
from cogs.admin.settings import ChannelMenu, SettingsCog


async def setup(bot: HeroBot) -> None:
    for cog in (SettingsCog, PowersCog, PeopleCog, DoctorCog, NotificationsCog, BackupsCog):
        await bot.add_cog(cog(bot, bot.app))
    bot.add_dynamic_items(ChannelMenu)
