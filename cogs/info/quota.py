"""/quota: what a person may still ask for today."""

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.i18n.message import Translator
from bot.serving.rate_limits import Quota
from cogs.common.locale import translator_of
from cogs.common.responses import answer, role_ids


class QuotaCog(commands.Cog):
    """How many heroes are left, until when, and for how long one has to wait."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="How many heroes you and this server may still ask for today")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def quota(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        t = await translator_of(interaction)
        quota = await self.app.rate_limits.quota(
            interaction.user.id, interaction.guild_id, role_ids(interaction.user)
        )
        await answer(interaction, quota_text(t, quota, in_server=interaction.guild_id is not None))


def quota_text(t: Translator, quota: Quota, *, in_server: bool) -> str:
    """Return what is left, line by line. in_server: say what the server has left, too."""
    limits = quota.limits
    yours = (
        t("You: no limit")
        if limits.daily_per_user is None
        else t("You: {left} of {most} left", left=quota.left, most=limits.daily_per_user)
    )
    lines = [yours]
    if in_server:
        lines.append(
            t("This server: no limit")
            if limits.daily_of_guild is None
            else t("This server: {left} of {most} left", left=quota.guild_left, most=limits.daily_of_guild)
        )
    if (limits.daily_per_user, limits.daily_of_guild if in_server else None) != (None, None):
        lines.append(t("All of them are back {time}", time=f"<t:{round(quota.renewed_at)}:R>"))
    lines.append(_wait_text(t, quota))
    title = t("**Your heroes today**")
    blocked = [t("The people who run this bot do not let you ask for heroes any more.")] * quota.blocked
    return "\n".join([*blocked, title, *(f"- {line}" for line in lines)])


def _wait_text(t: Translator, quota: Quota) -> str:
    if not quota.limits.cooldown:
        return t("Wait between two requests: none")
    seconds = t.count("{number} second", "{number} seconds", round(quota.limits.cooldown))
    if quota.ready_at is None:
        return t("Wait between two requests: {time}", time=seconds)
    return t(
        "Wait between two requests: {time}; you can ask again {moment}",
        time=seconds,
        moment=f"<t:{round(quota.ready_at)}:R>",
    )
