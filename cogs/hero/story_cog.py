"""/story and the button Next scene: a hero's story goes on for a scene."""

from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import Interaction
from bot.llm.stream import Stream
from cogs.common.persistent import PersistentButton
from cogs.common.responses import Requester, Responder
from cogs.hero.cog import HeroCog
from cogs.hero.live_message import LivePreview
from cogs.hero.scene_embeds import scene_draft_content


class StoryCog(commands.Cog):
    """Stories: up to five scenes after a hero's text."""

    def __init__(self, app: App, heroes: HeroCog) -> None:
        """heroes: acknowledges, shows and publishes texts."""
        self.app = app
        self._heroes = heroes

    @app_commands.command(description="Tell the story of your latest hero here on, for one more scene")
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def story(self, interaction: Interaction) -> None:
        requester, responder = await self._heroes.acknowledge(interaction)
        last_id = await self.app.stories.last_of(interaction.user.id, interaction.channel_id)
        await self._tell_on(last_id, requester, responder)

    async def tell_on(self, interaction: Interaction, description_id: int) -> None:
        """Write the scene after a text, for the person who clicked."""
        requester, responder = await self._heroes.acknowledge(interaction)
        await self._tell_on(description_id, requester, responder)

    async def _tell_on(self, description_id: int, requester: Requester, responder: Responder) -> None:
        stream, vocabulary = Stream(), self.app.heroes.vocabulary
        async with self.app.stories.going_on(description_id) as told:
            hero, number = told[0].hero, len(told)
            self.app.hero_parser.parse(hero.typed)  # the blocklist may have changed since
            preview = LivePreview(
                [stream], lambda: scene_draft_content(hero, number, stream, vocabulary, requester.t)
            )
            async with self.app.rate_limits.acquire(requester.user_id, requester.guild_id, requester.roles):
                work = self.app.stories.tell(
                    told, requester=requester.user_id, guild_id=requester.guild_id, stream=stream
                )
                scene = await self._heroes.live_messages.run(work, preview, requester, responder)
        await self._heroes.publish(scene, requester, responder)


class SceneButton(PersistentButton, template=r"hero:scene:(?P<description_id>[0-9]{1,18})"):
    """Tells a story on."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:scene:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.client.cog(StoryCog).tell_on(interaction, self.description_id)
