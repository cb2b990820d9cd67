"""/settings: channels, limits, language and weekly post of a server, set by its admins."""

import asyncio
from collections.abc import Sequence

import discord
from discord import app_commands
from discord.ext import commands

from bot.app import App
from bot.client import HeroBot, Interaction
from bot.errors import NotAllowed, NotUnderstood, UserError
from bot.i18n.message import LocalizedMessage, Translator, mark
from cogs.admin.settings_text import OWN_LANGUAGE, settings_content
from cogs.admin.weekly_settings import (
    DAY_CHOICES,
    NO_WEEKLY,
    change_weekly,
    suggest_zones,
)
from cogs.common.content import MessageContent
from cogs.common.locale import translator_of
from cogs.common.permissions import admins_group
from cogs.common.persistent import PersistentItem, persistent_view
from cogs.common.responses import answer

_DAY = 86_400  # seconds
_MAX_CHANNELS = 25  # that Discord's menu can select
_NO_LIMIT = mark(
    "Nothing was changed. Give what you want to limit, such as `{/settings limits cooldown:60}`."
)
_NO_ROLE_LIMIT = mark(
    "Nothing was changed. Give what the role may do, such as `{/settings role daily-per-member:50}`; "
    "`{/settings role cooldown:0 daily-per-member:0}` takes its limits away."
)
_NO_LANGUAGE = mark(
    "Nothing was changed. Choose one language for all with `{/settings language language:English}`, or let "
    "everyone be answered in their own with `{/settings language language:own}`."
)
_OWN = "own"  # stands for everyone's own language
_CHANNEL_TYPES = [  # in which commands can be used
    discord.ChannelType.text,
    discord.ChannelType.news,
    discord.ChannelType.forum,
    discord.ChannelType.voice,
    discord.ChannelType.stage_voice,
]


class SettingsCog(commands.Cog):
    """Settings of a server: channels, limits, language."""

    group = admins_group(name="settings", description="This server's channels, limits and language")

    def __init__(self, bot: HeroBot, app: App) -> None:
        self.bot = bot
        self.app = app

    @commands.Cog.listener()
    async def on_guild_remove(self, guild: discord.Guild) -> None:
        """Delete the settings of a server that the bot has left. Outages do not cause this event."""
        await self.app.guild_settings.reset(guild.id)

    @commands.Cog.listener()
    async def on_ready(self) -> None:
        """Delete the settings of servers that the bot left while it was away, and limits of deleted roles.

        Outages do not matter here: a server in one is known, but its roles are not.
        """
        await self._forget_deleted_roles()
        for guild_id in await self.app.guild_settings.list_departed({guild.id for guild in self.bot.guilds}):
            await self.app.guild_settings.reset(guild_id)

    async def _forget_deleted_roles(self) -> None:
        for guild_id in await self.app.guild_settings.list_with_roles():
            guild = self.bot.get_guild(guild_id)
            if guild is not None and not guild.unavailable:
                await self.app.guild_settings.forget_roles(guild_id, {role.id for role in guild.roles})

    @commands.Cog.listener()
    async def on_guild_role_delete(self, role: discord.Role) -> None:
        """Forget the limits of a role that is no more."""
        existing = {each.id for each in role.guild.roles} - {role.id}
        await self.app.guild_settings.forget_roles(role.guild.id, existing)

    @group.command(description="Show the settings of this server")
    async def show(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await self._show_settings(interaction)

    @group.command(description="Choose the channels where /hero works")
    async def channels(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        t = await translator_of(interaction)
        selected = (await self.app.guild_settings.get(_guild_id(interaction))).channels or []
        view = persistent_view([ChannelMenu(t("Everywhere"), selected)])
        question = t("Where shall `/hero` work? Choose no channel for everywhere.")
        await answer(interaction, MessageContent(content=question, view=view))

    @group.command(description="Limit how many heroes this server may ask for; what you leave out stays")
    @app_commands.rename(daily_per_user="daily-per-member", daily_of_guild="daily-of-server")
    @app_commands.describe(
        cooldown="Seconds between two requests of one member; 0: the bot's own limit",
        daily_per_user="Descriptions a day for one member; 0: the bot's own limit",
        daily_of_guild="Descriptions a day for all members together; 0: the bot's own limit",
    )
    async def limits(
        self,
        interaction: Interaction,
        cooldown: app_commands.Range[int, 0, _DAY] | None = None,
        daily_per_user: app_commands.Range[int, 0, 1_000_000] | None = None,
        daily_of_guild: app_commands.Range[int, 0, 1_000_000] | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)  # a write may have to wait for another process
        await self.app.guild_settings.change_limits(
            _guild_id(interaction),
            cooldown=cooldown,
            daily_per_user=daily_per_user,
            daily_of_guild=daily_of_guild,
        )
        if (cooldown, daily_per_user, daily_of_guild) == (None, None, None):
            await self._show_settings(interaction, hint=_NO_LIMIT)
        else:
            await self._show_settings(interaction, LocalizedMessage("The limits are set."))

    @group.command(description="Give members with a role limits of their own; what you leave out stays")
    @app_commands.rename(daily_per_user="daily-per-member")
    @app_commands.describe(
        role="The role; of several, a member gets the most generous limits",
        cooldown="Seconds between two requests of one member; 0: as for everyone here",
        daily_per_user="Descriptions a day for one member; 0: as for everyone here",
    )
    async def role(
        self,
        interaction: Interaction,
        role: discord.Role,
        cooldown: app_commands.Range[int, 0, _DAY] | None = None,
        daily_per_user: app_commands.Range[int, 0, 1_000_000] | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        if role.is_default():
            raise UserError("Every member has that role: `{/settings limits}` is for all of them.")
        if (cooldown, daily_per_user) == (None, None):
            await self._show_settings(interaction, hint=_NO_ROLE_LIMIT)
            return
        limit = await self.app.guild_settings.change_role_limit(
            _guild_id(interaction), role.id, cooldown=cooldown, daily_per_user=daily_per_user
        )
        if limit is None:
            changed = LocalizedMessage("{role} has no limits of its own now.", role=role.mention)
        else:
            changed = LocalizedMessage("The limits of {role} are set.", role=role.mention)
        await self._show_settings(interaction, changed)

    @group.command(description="Choose the language of the bot's answers in this server")
    @app_commands.describe(language="A language, or own for everyone's own; if left out, nothing is changed")
    async def language(self, interaction: Interaction, language: str | None = None) -> None:
        await interaction.response.defer(ephemeral=True)
        if language is None:
            await self._show_settings(interaction, hint=_NO_LANGUAGE)
            return
        languages = self.app.guild_settings.languages
        is_own = language.strip().casefold() in _own_words(await translator_of(interaction))
        code = None if is_own else languages.code(language)
        if code is None and not is_own:
            known = ", ".join(languages.names.values())
            raise NotUnderstood("I do not speak that language. I speak: {languages}.", languages=known)
        await self.app.guild_settings.change(_guild_id(interaction), language=code)
        changed = LocalizedMessage("Everyone is answered in their own language now.")
        if code is not None:
            changed = LocalizedMessage("The language is now {language}.", language=languages.names[code])
        await self._show_settings(interaction, changed)

    @language.autocomplete("language")
    async def _suggest(self, interaction: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        t = await translator_of(interaction)
        languages = self.app.guild_settings.languages
        choices = [(_OWN, t(OWN_LANGUAGE), _own_words(t))]
        choices += [(code, name, languages.words[code]) for code, name in languages.names.items()]
        return [
            app_commands.Choice(name=name, value=value)
            for value, name, words in choices
            if any(typed.strip().casefold() in word for word in words)
        ][:25]

    @group.command(
        description="Let texts of this server into the public gallery, if those who asked agree, too"
    )
    @app_commands.describe(allow="True: texts of this server may be in it; False: none")
    async def gallery(self, interaction: Interaction, allow: bool) -> None:
        await interaction.response.defer(ephemeral=True)
        await self.app.guild_settings.change(_guild_id(interaction), in_gallery=allow or None)
        changed = LocalizedMessage(
            "Heroes that were asked for in this server may now be on a public page, if whoever asked joined "
            "the gallery with `{/heroes settings}`."
        )
        if not allow:
            changed = LocalizedMessage(
                "This server takes no part in the gallery: its heroes go when the operators next publish it."
            )
        await self._show_settings(interaction, changed)

    @group.command(description="Post the best-rated hero of the past week; what you leave out stays")
    @app_commands.rename(time_zone="time-zone")
    @app_commands.describe(
        channel="Where it is posted",
        day="On which day of the week; never turns it off",
        hour="At which hour, from 0 to 23",
        time_zone="Whose hour and midnight, such as Europe/Berlin",
    )
    @app_commands.choices(day=DAY_CHOICES)
    async def weekly(
        self,
        interaction: Interaction,
        channel: discord.TextChannel | None = None,
        day: app_commands.Choice[int] | None = None,
        hour: app_commands.Range[int, 0, 23] | None = None,
        time_zone: str | None = None,
    ) -> None:
        await interaction.response.defer(ephemeral=True)
        if (channel, day, hour, time_zone) == (None, None, None, None):
            await self._show_settings(interaction, hint=NO_WEEKLY)
            return
        changed = await change_weekly(
            self.bot,
            _guild_id(interaction),
            channel_id=channel.id if channel else None,
            day=day.value if day else None,
            hour=hour,
            typed_zone=time_zone,
        )
        await self._show_settings(interaction, changed)

    @weekly.autocomplete("time_zone")
    async def _suggest_zone(self, _: Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await asyncio.to_thread(suggest_zones, typed)

    @group.command(description="Go back to the bot's own settings in this server")
    async def reset(self, interaction: Interaction) -> None:
        await interaction.response.defer(ephemeral=True)
        await self.app.guild_settings.reset(_guild_id(interaction))
        changed = LocalizedMessage("The bot's own settings apply in this server now.")
        await self._show_settings(interaction, changed)

    async def _show_settings(
        self, interaction: Interaction, changed: LocalizedMessage | None = None, *, hint: str | None = None
    ) -> None:
        """Answer with the current settings, in the server's current language.

        changed: what the command has done, said first. hint: how to change a setting, said last.
        """
        t = await translator_of(interaction)
        guilds, guild_id = self.app.guild_settings, _guild_id(interaction)
        first, last = t(changed) if changed else "", t(hint) if hint else ""
        await answer(interaction, await settings_content(guilds, guild_id, t, first, last))


class ChannelMenu(PersistentItem[discord.ui.ChannelSelect[discord.ui.View]], template="settings:channels"):
    """Selects the channels where heroes may be asked for."""

    def __init__(self, placeholder: str = "-", selected: Sequence[int] = ()) -> None:
        super().__init__(
            discord.ui.ChannelSelect(
                custom_id="settings:channels",
                channel_types=_CHANNEL_TYPES,
                placeholder=placeholder,
                min_values=0,
                max_values=_MAX_CHANNELS,
                default_values=[
                    discord.SelectDefaultValue(id=channel_id, type=discord.SelectDefaultValueType.channel)
                    for channel_id in selected
                ],
            )
        )

    async def handle(self, interaction: Interaction) -> None:
        """Save the channels and show the settings. Only the admin who opened the menu can see it."""
        await interaction.response.defer()
        t = await translator_of(interaction)
        guilds, guild_id = interaction.client.app.guild_settings, _guild_id(interaction)
        channels = [channel.id for channel in self.item.values] or None
        await guilds.change(guild_id, channels=channels)
        changed = t("`/hero` works everywhere now.")
        if channels:
            named = ", ".join(f"<#{channel_id}>" for channel_id in channels)
            changed = t("`/hero` works only here now: {channels}.", channels=named)
        await answer(interaction, await settings_content(guilds, guild_id, t, changed))


def _guild_id(interaction: Interaction) -> int:
    """Return the server's id. Raises NotAllowed outside of servers."""
    if interaction.guild_id is None:
        raise NotAllowed("This command works only in a server.")
    return interaction.guild_id


def _own_words(t: Translator) -> frozenset[str]:
    """Return what people may type for everyone's own language, in lower case."""
    return frozenset({_OWN, t(OWN_LANGUAGE).casefold()})
