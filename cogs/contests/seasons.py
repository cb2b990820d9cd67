"""/season: seasons of a server, begun and ended by its admins."""

import logging

import discord
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.errors import NotAllowed, UserError
from bot.i18n.message import ENGLISH, Translator
from bot.rating.results import Result, result_of
from bot.rating.seasons import span_of
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES
from cogs.common.locale import translator_of
from cogs.common.permissions import admins_group
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer, with_retries
from cogs.contests.posts import season_content
from cogs.hero.cards import note_card

log = logging.getLogger(__name__)


class SeasonsCog(commands.Cog):
    """Begins, shows and ends seasons."""

    group = admins_group(name="season", description="Seasons of this server, with winners of their own")

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @group.command(description="Begin a season: the heroes that people ask for from now on take part")
    async def start(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        t = await translator_of(interaction)
        season = await self.app.seasons.start(_guild(interaction).id, actor_id=interaction.user.id)
        await answer(
            interaction,
            t(
                "🏁 **Season {number} has begun.** Ask for heroes with `/hero`, and leave 👍 or 👎 under "
                "those of others: `{/top period:{season}}` shows who leads.",
                number=season.number,
                season=t("this season"),
            ),
        )

    @group.command(description="End the open season, and post its winners in this channel")
    async def end(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        t = await translator_of(interaction)
        season = await self.app.seasons.get_open(_guild(interaction).id)
        question = t(
            "End season {number}, which began on {day}? Its winners are posted in this channel at once, and "
            "it cannot be opened again.",
            number=season.number,
            day=f"<t:{season.started_at:.0f}:D>",
        )
        view = persistent_view([EndSeasonButton(season.id, t)])
        await answer(interaction, MessageContent(content=question, view=view))

    @group.command(description="Show the open season so far, or the winners of the last one")
    async def show(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        guild = _guild(interaction)
        season = await self.app.seasons.newest(guild.id)
        if season is None:
            raise UserError("This server has had no season yet. Begin one with `{/season start}`.")
        t = await translator_of(interaction)
        result = await result_of(self.app.scores, guild.id, span_of(season))
        post = await answer(interaction, await season_content(self.bot, guild, season, result, t))
        await _note(self.bot, result, post)


class EndSeasonButton(PersistentButton, template=r"season:end:(?P<season_id>[0-9]{1,18})"):
    """Ends a season and posts its winners."""

    def __init__(self, season_id: int, t: Translator = ENGLISH) -> None:
        label = t("End the season")
        super().__init__(f"season:end:{season_id}", label=label, style=discord.ButtonStyle.danger)
        self.season_id = season_id

    async def handle(self, interaction: Interaction) -> None:
        """End the season, and post its winners for everyone; if that fails, show them to the admin."""
        if not interaction.permissions.manage_guild:
            raise NotAllowed("Only members who may manage this server end its seasons.")
        await interaction.response.defer()
        bot, guild = interaction.client, _guild(interaction)
        t = await translator_of(interaction)
        season = await bot.app.seasons.end(self.season_id, guild_id=guild.id)
        result = await result_of(bot.app.scores, guild.id, span_of(season))
        content = await season_content(bot, guild, season, result, t)
        await answer(interaction, t("Season {number} is over.", number=season.number))
        try:
            post = await with_retries(lambda: interaction.followup.send(**content.send_kwargs, wait=True))
        except DISCORD_FAILURES as error:
            log.warning("the winners of a season could not be posted: %s", error)
            await answer(interaction, content)
        else:
            await _note(bot, result, post)


async def _note(bot: HeroBot, result: Result, post: discord.Message) -> None:
    """Note which text a post quotes, so that it goes when that is hidden or deleted."""
    if result:
        await note_card(bot.app, result.best[0].description, post)


def _guild(interaction: Interaction) -> discord.Guild:
    """Return the server. Raises NotAllowed outside of servers, and where only a person installed the bot."""
    if interaction.guild is None:
        raise NotAllowed("This command works only in a server.")
    return interaction.guild
