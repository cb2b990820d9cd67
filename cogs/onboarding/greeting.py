"""The greeting: one message in a server that the bot has just joined."""

import logging
from collections.abc import Iterator
from functools import partial
from typing import Any

import discord
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot
from bot.errors import DatabaseBusy
from bot.i18n.message import LocalizedMessage, Translator
from cogs.common.content import MessageContent
from cogs.common.delivery import DISCORD_FAILURES, is_temporary
from cogs.common.locale import translator_of_server
from cogs.common.persistent import persistent_view
from cogs.common.responses import with_retries
from cogs.onboarding.permissions import PermissionsButton

log = logging.getLogger(__name__)

_MOST_TRIES = 5  # channels that refuse what Discord's own permissions allow


class GreetingCog(commands.Cog):
    """Says in a new server what the bot does, what to type, and what is stored."""

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @commands.Cog.listener()
    async def on_guild_join(self, guild: discord.Guild) -> None:
        """Greet the server, where the bot may write. Nothing comes of it in a server that is closed to it."""
        joined_at = guild.me.joined_at.timestamp() if guild.me and guild.me.joined_at else None
        try:
            if not await self.app.onboarding.claim_greeting(guild.id, joined_at=joined_at):
                return
            if not await self._greet(guild):
                await self.app.onboarding.release_greeting(guild.id)
        except DatabaseBusy as error:
            log.warning("server %d is not greeted, the database is busy: %s", guild.id, error)

    async def _greet(self, guild: discord.Guild) -> bool:
        """Post the greeting in the first channel that takes it, and return whether one did."""
        t = await translator_of_server(self.bot, guild)
        content = greeting_content(t, self.app.heroes.vocabulary.example, self.app.settings.privacy_url)
        for channel, _ in zip(_open_channels(guild), range(_MOST_TRIES), strict=False):
            try:
                await with_retries(partial(channel.send, **content.send_kwargs))
            except DISCORD_FAILURES as error:
                log.info("channel %d takes no greeting: %s", channel.id, error)
                if is_temporary(error):  # an outage: the next channel would fail as well
                    return False
            else:
                return True
        log.info("server %d is not greeted: no channel is open to the bot", guild.id)
        return False


def _open_channels(guild: discord.Guild) -> Iterator[discord.TextChannel]:
    """Yield the channels where the bot may write, in this order: that of system messages, then from the top.

    Those that members may not write in, such as the rules, come last.
    """
    first = [guild.system_channel] if guild.system_channel else []
    everyone = guild.default_role
    rest = sorted(guild.text_channels, key=lambda each: not each.permissions_for(everyone).send_messages)
    for channel in dict.fromkeys([*first, *rest]):
        granted = channel.permissions_for(guild.me)
        if granted.view_channel and granted.send_messages:
            yield channel


def greeting_content(t: Translator, example: LocalizedMessage | str, policy: str | None) -> MessageContent:
    """Return the greeting. It has no embed, so that it can be read where the bot may send none.

    example: a hero to ask for; policy: the address of the privacy policy.
    """
    lines = (
        t(
            "Hello! I describe superheroes with a small language model of my own: give me an age, a gender "
            "and a power. The thumbs under each text decide what my next model learns from."
        ),
        "",
        t("**Three things to type**"),
        t("- `/hero {example}` describes a hero", example=example),
        t("- `/top` shows the heroes that people here like best"),
        t("- `/help` lists all commands, with examples"),
        "",
        t(
            "-# Stored are heroes, votes, reports and what you keep, under a made-up name in place of your "
            "Discord id. `/privacy show` says what there is about you; `/privacy delete` deletes it."
        ),
        t("-# For those who manage this server: `/settings show` has channels, limits and language."),
    )
    items: list[discord.ui.Item[Any]] = [PermissionsButton(t)]
    if policy:
        items.append(discord.ui.Button(label=t("Privacy"), url=policy))
    return MessageContent(content="\n".join(lines), view=persistent_view(items))
