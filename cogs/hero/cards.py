"""Cards: /card, the button under a hero, and the messages that show them."""

import io
import logging
from functools import partial

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.cards.card import Card
from bot.client import HeroBot, Interaction
from bot.errors import NotAllowed, UserError
from bot.i18n.message import Translator
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, FirstOpenWay, NewMessage
from cogs.common.locale import translator_of
from cogs.common.markdown import escape_markdown
from cogs.common.permissions import may_read, require_open_channel
from cogs.common.persistent import PersistentButton
from cogs.common.responses import InteractionResponder, confirm
from cogs.hero.shown import shown_title

log = logging.getLogger(__name__)


class CardCog(commands.Cog):
    """Shows heroes as pictures."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @app_commands.command(description="A hero as a picture: your latest one here, or that of a message")
    @app_commands.describe(
        hero="The link of a hero's message; left out, your latest hero here",
        dark="True: light letters on a dark card",
    )
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def card(self, interaction: Interaction, hero: str | None = None, dark: bool = False) -> None:
        responder = InteractionResponder(interaction)
        await responder.acknowledge()
        await require_open_channel(self.app.guild_settings, interaction.guild_id, interaction.channel)
        posts, user_id = self.app.card_posts, interaction.user.id
        if hero is None:
            description = await posts.latest(user_id, interaction.guild_id, interaction.channel_id)
        else:
            description = await posts.find(hero)
            self._require_readable(interaction, description)
        posts.count(user_id)
        t = await translator_of(interaction)
        message = await responder.show(await card_message(self.app, description, t, dark=dark))
        await note_card(self.app, description, message)

    def _require_readable(self, interaction: Interaction, description: Description) -> None:
        """Check that the person may read the message of a hero: a link is easily guessed or passed on."""
        if description.channel_id == interaction.channel_id:
            return
        if self.app.card_posts.is_of(description, interaction.user.id):
            return
        guild = self.bot.get_guild(interaction.guild_id or 0)
        channel = guild.get_channel_or_thread(description.channel_id or 0) if guild else None
        if channel and isinstance(interaction.user, discord.Member) and may_read(channel, interaction.user):
            return
        raise NotAllowed("That hero stands where I cannot see that you may read. Ask for its card there.")


class CardButton(PersistentButton, template=r"hero:card:(?P<description_id>[0-9]{1,18})"):
    """Posts a hero's card as a reply, or says where it is already."""

    def __init__(self, description_id: int) -> None:
        super().__init__(f"hero:card:{description_id}", emoji="🖼️")
        self.description_id = description_id

    async def handle(self, interaction: Interaction) -> None:
        await interaction.response.defer()
        app = interaction.client.app
        await require_open_channel(app.guild_settings, interaction.guild_id, interaction.channel)
        t = await translator_of(interaction)
        async with app.card_posts.lock(self.description_id):
            description = await app.card_posts.get(self.description_id)
            if shown := await app.card_posts.lately(self.description_id, interaction.channel_id):
                place = f"{interaction.guild_id or '@me'}/{shown.channel_id}/{shown.message_id}"
                link = f"https://discord.com/channels/{place}"
                await confirm(interaction, t("Its card is here already: {link}", link=link))
                return
            app.card_posts.count(interaction.user.id)
            content = await card_message(app, description, t)
            reply = partial(interaction.followup.send, wait=True)
            private = partial(interaction.followup.send, wait=True, ephemeral=True)
            message = await FirstOpenWay([NewMessage(reply), NewMessage(private)]).show(content)
            if not message.flags.ephemeral:
                await note_card(app, description, message)


async def card_message(
    app: App, description: Description, t: Translator, *, dark: bool = False
) -> MessageContent:
    """Return a message with a description's card. What no font can show stands in its text."""
    ups, downs = await app.scores.votes_on(description.id)
    team = await app.teams.heroes_of(description) if description.kind == "team" else ()
    card = await app.cards.draw(description, team=team, dark=dark, ups=ups, downs=downs, t=t)
    title = await shown_title(app, description, t) if card.plain else ""
    content = f"**{escape_markdown(title)}**" if title else None
    return MessageContent(content=content, files=(card_file(card),))


def card_file(card: Card) -> partial[discord.File]:
    """Return what opens a card as an attachment, with its text for those who do not see it."""
    return partial(_open, card)


def _open(card: Card) -> discord.File:
    return discord.File(io.BytesIO(card.png), card.file_name, description=card.alt_text)


async def note_card(app: App, description: Description, message: discord.Message) -> None:
    """Note a message with a card. If its text was deleted or hidden meanwhile, delete it and raise that."""
    try:
        await app.card_posts.add(description.id, message.channel.id, message.id)
    except UserError:
        await message.delete()
        await app.card_posts.remove(message.id)
        raise


async def remove_cards(bot: HeroBot, description_id: int) -> bool:
    """Delete the messages with a description's card. Return False if the bot may not delete one."""
    gone = True
    for post in await bot.app.card_posts.list_of(description_id):
        message = bot.get_partial_messageable(post.channel_id).get_partial_message(post.message_id)
        try:
            await message.delete()
        except discord.NotFound:
            pass
        except DISCORD_FAILURES as error:
            log.warning("a card of description %d is still seen: %s", description_id, error)
            gone = False
            continue
        await bot.app.card_posts.remove(post.message_id)
    return gone
