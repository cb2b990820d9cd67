"""/team: three heroes who belong together, in one text."""

from collections.abc import Sequence

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import Interaction
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.llm.stream import Stream
from bot.store.descriptions import TEAM_SIZE
from cogs.common.persistent import PersistentButton
from cogs.common.responses import Requester, Responder
from cogs.hero.cog import HeroCog
from cogs.hero.live_message import LivePreview
from cogs.hero.scene_embeds import team_draft_content


class TeamCog(commands.Cog):
    """Teams: three heroes with a power each, in one scene."""

    def __init__(self, app: App, heroes: HeroCog) -> None:
        """heroes: acknowledges, shows and publishes texts."""
        self.app = app
        self._heroes = heroes

    @app_commands.command(description="Three heroes who belong together, in one scene; counts as three")
    @app_commands.describe(heroes="up to three powers, with commas, or one hero; nothing: all are drawn")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def team(self, interaction: Interaction, heroes: app_commands.Range[str, 0, 300] = "") -> None:
        drawn = self.app.teams.heroes_for(heroes)
        requester, responder = await self._heroes.acknowledge(interaction)
        await self._describe(drawn, requester, responder)

    async def describe_again(self, interaction: Interaction, description_id: int) -> None:
        """Describe the heroes of a team once more, for the person who clicked."""
        requester, responder = await self._heroes.acknowledge(interaction)
        description = await self.app.describer.get(description_id)
        if description is None or not description.text:
            raise UserError("This team is gone. Ask for a new one with `/team`.")
        heroes = await self.app.teams.heroes_of(description)
        # again: vocabulary and blocklist may have changed since
        parsed = [self.app.hero_parser.parse(hero.typed) for hero in heroes]
        await self._describe(parsed, requester, responder)

    async def _describe(self, heroes: Sequence[Hero], requester: Requester, responder: Responder) -> None:
        stream, vocabulary = Stream(), self.app.heroes.vocabulary
        preview = LivePreview([stream], lambda: team_draft_content(heroes, stream, vocabulary, requester.t))
        async with self.app.rate_limits.acquire(
            requester.user_id, requester.guild_id, requester.roles, amount=TEAM_SIZE
        ):
            work = self.app.teams.describe(
                heroes, requester=requester.user_id, guild_id=requester.guild_id, stream=stream
            )
            description = await self._heroes.live_messages.run(work, preview, requester, responder)
        await self._heroes.publish(description, requester, responder)


class TeamAgainButton(PersistentButton, template=r"hero:team:(?P<description_id>[0-9]{1,18})"):
    """Describes the same team once more."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:team:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(TeamCog).describe_again(interaction, self.description_id)
