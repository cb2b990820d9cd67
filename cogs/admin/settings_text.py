"""What /settings shows: the settings of a server, and its limits of roles."""

from collections.abc import Iterable, Mapping

import discord

from bot.community.guild_settings import GuildSettings
from bot.i18n.message import Translator, mark
from bot.settings import RequestLimits
from bot.store.guilds import GuildSetting
from bot.store.role_limits import RoleLimit
from cogs.admin.weekly_settings import weekly_lines
from cogs.common.content import MessageContent

_MAX_LENGTH = 2000  # characters of a message, by Discord's limit
OWN_LANGUAGE = mark("everyone's own")


async def settings_content(
    guilds: GuildSettings, guild_id: int, t: Translator, first: str, last: str = ""
) -> MessageContent:
    """Return the settings of a server between two sentences. Many limits of roles take an embed."""
    text = _settings_text(
        t, await guilds.get(guild_id), await guilds.limits(guild_id), guilds.languages.names
    )
    roles = _role_limits_text(t, await guilds.role_limits(guild_id))
    whole = "\n".join(filter(None, [first, text, roles, last]))
    if len(whole) <= _MAX_LENGTH:
        return MessageContent(content=whole)
    return MessageContent(
        [discord.Embed(description=roles)], content="\n".join(filter(None, [first, text, last]))
    )


def _settings_text(
    t: Translator, setting: GuildSetting, limits: RequestLimits, languages: Mapping[str, str]
) -> str:
    """Return the settings of a server, line by line."""
    channels = ", ".join(f"<#{channel_id}>" for channel_id in setting.channels or ()) or t("everywhere")
    if setting.language is None:
        language = t(OWN_LANGUAGE)
    else:
        language = languages.get(setting.language, setting.language)
    cooldown = (
        t.count("{number} second", "{number} seconds", round(limits.cooldown))
        if limits.cooldown
        else t("none")
    )
    if limits.cooldown != setting.cooldown:
        cooldown = t("{limit} (the bot's own)", limit=cooldown)
    per_member = _limit_text(t, limits.daily_per_user, setting.daily_per_user)
    of_server = _limit_text(t, limits.daily_of_guild, setting.daily_of_guild)
    lines = (
        t("Channels where `/hero` works: {channels}", channels=channels),
        t("Wait between two requests of one member: {time}", time=cooldown),
        t("Descriptions for one member a day: {number}", number=per_member),
        t("Descriptions for the whole server a day: {number}", number=of_server),
        t("Language of answers: {language}", language=language),
        t("Public gallery: {state}", state=t("takes part") if setting.in_gallery else t("takes no part")),
        *weekly_lines(t, setting),
    )
    title = t("**Settings of this server**")
    items = "\n".join(f"- {line}" for line in lines)
    note = t(
        "-# A server's wait can be longer than the bot's own, never shorter; its daily limits can be lower, "
        "never higher."
    )
    return f"{title}\n{items}\n{note}"


def _limit_text(t: Translator, limit: int | None, set_here: int | None) -> str:
    text = t("no limit") if limit is None else str(limit)
    return text if limit == set_here and limit is not None else t("{limit} (the bot's own)", limit=text)


def _role_limits_text(t: Translator, limits: Iterable[RoleLimit]) -> str:
    """Return the lines that follow those of a server's settings; empty if no role has limits."""
    lines = [f"- <@&{each.role_id}>: {', '.join(_parts(t, each))}" for each in limits]
    if not lines:
        return ""
    title = t("**Limits of roles** (of several, a member gets the most generous)")
    return "\n".join([title, *lines])


def _parts(t: Translator, limit: RoleLimit) -> Iterable[str]:
    if limit.cooldown is not None:
        yield t.count("a wait of {number} second", "a wait of {number} seconds", round(limit.cooldown))
    if limit.daily_per_user is not None:
        yield t.count("{number} description a day", "{number} descriptions a day", limit.daily_per_user)
