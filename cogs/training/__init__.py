"""/build-dataset, /dataset and /finetune, and the messages that show their jobs."""

from bot.client import HeroBot
from cogs.training.dataset import DatasetCog
from cogs.training.finetune import FinetuneCog
from cogs.training.job_buttons import JobButton
from cogs.training.jobs import JobsCog
from cogs.training.review import ReviewButton


async def setup(bot: HeroBot) -> None:
    for cog in (DatasetCog, FinetuneCog, JobsCog):
        await bot.add_cog(cog(bot, bot.app))
    bot.add_dynamic_items(JobButton, ReviewButton)
