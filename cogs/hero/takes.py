"""Another take of a hero: choose how it is to be written anew, then read it below the text before."""

import discord

from bot.client import Interaction
from bot.i18n.message import ENGLISH, Translator
from bot.serving.takes import SAME_OPENING
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.permissions import require_open_channel
from cogs.common.persistent import PersistentButton, persistent_view
from cogs.common.responses import answer
from cogs.hero.cog import HeroCog
from cogs.hero.take_embeds import manner_label

_MOST_BUTTONS = 25  # of a message, by Discord's limit


class TakeButton(PersistentButton, template=r"hero:take:(?P<description_id>[0-9]{1,18})"):
    """Asks the person who clicks how the hero is to be written anew."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:take:{description_id}")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True, thinking=True)
        app, t = interaction.client.app, await translator_of(interaction)
        await require_open_channel(app.guild_settings, interaction.guild_id, interaction.channel)
        parent = await app.takes.parent(self.description_id)
        buttons = [MannerButton(manner, parent.id, t) for manner in app.takes.manners]
        text = t("The same hero, written anew: how? It counts as one of your heroes for today.")
        view = persistent_view(buttons[:_MOST_BUTTONS])
        await answer(interaction, MessageContent(content=text, view=view))


class MannerButton(
    PersistentButton, template=r"take:(?P<manner>[a-z][a-z-]{0,19}):(?P<description_id>[0-9]{1,18})"
):
    """Has a hero written anew, in a message that all see."""

    def __init__(self, manner: str, description_id: int, t: Translator = ENGLISH) -> None:
        primary = manner == SAME_OPENING
        style = discord.ButtonStyle.primary if primary else discord.ButtonStyle.secondary
        super().__init__(f"take:{manner}:{description_id}", label=manner_label(manner, t), style=style)
        self.manner = manner
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        app, heroes = interaction.client.app, interaction.client.cog(HeroCog)
        requester, responder = await heroes.acknowledge(interaction)
        parent = await app.takes.parent(self.description_id)
        # again: vocabulary and blocklist may have changed since
        hero = app.hero_parser.parse(parent.hero.typed)
        await heroes.describe_alone(hero, requester, responder, app.takes.plan(parent, self.manner))
