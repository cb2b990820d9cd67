"""Makes scheduled backups while the bot serves."""

import logging

from discord.ext import commands, tasks

from bot.app import App
from bot.client import HeroBot

log = logging.getLogger(__name__)


class BackupsCog(commands.Cog):
    """Looks every minute whether a backup is due; it is copied in a thread, so the bot goes on answering."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    async def cog_load(self) -> None:
        if self.app.backups.folder:
            self.make_due.start()

    async def cog_unload(self) -> None:
        self.make_due.cancel()

    @tasks.loop(minutes=1)
    async def make_due(self) -> None:
        """Make a backup if one is due and this process leads. A defect of one does not stop the next."""
        try:
            if await self.app.leases.lead():
                await self.app.backups.run_if_due()
        except Exception:
            log.exception("the scheduled backup failed")

    @make_due.before_loop
    async def _ready(self) -> None:
        await self.bot.wait_until_ready()
