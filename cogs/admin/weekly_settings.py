"""The options of /settings weekly: when and where a server's hero of the week is posted."""

from typing import Any

from discord import app_commands

from bot.client import HeroBot
from bot.errors import NotAllowed, NotUnderstood, UserError
from bot.i18n.message import LocalizedMessage, Translator, mark
from bot.rating.calendar import find_zone, zone_names
from bot.store.guilds import GuildSetting
from cogs.common.locale import translated_choice
from cogs.common.permissions import may_write

_MAX_CHOICES = 25
_NEVER = 7  # in place of a day
_DAYS = (
    mark("Monday"),
    mark("Tuesday"),
    mark("Wednesday"),
    mark("Thursday"),
    mark("Friday"),
    mark("Saturday"),
    mark("Sunday"),
)
_DEFAULT_DAY, _DEFAULT_HOUR = 0, 18
DAY_CHOICES = [
    *(translated_choice(name, number) for number, name in enumerate(_DAYS)),
    translated_choice(mark("never"), _NEVER),
]
NO_WEEKLY = mark(
    "Nothing was changed. Choose where and when the hero of the week is posted, such as `{/settings weekly "
    "channel:#heroes hour:18}`. “Never” as the day turns it off."
)


async def change_weekly(
    bot: HeroBot,
    guild_id: int,
    *,
    channel_id: int | None,
    day: int | None,
    hour: int | None,
    typed_zone: str | None,
) -> LocalizedMessage:
    """Change what is given, and return what was done. Raises UserError, with nothing changed."""
    values: dict[str, Any] = {} if typed_zone is None else {"time_zone": _zone(typed_zone)}
    if day == _NEVER:
        values |= {"weekly_channel": None, "weekly_day": None, "weekly_hour": None}
        await bot.app.weekly_posts.configure(guild_id, **values)
        return LocalizedMessage("The hero of the week is not posted any more.")
    chosen = {"weekly_day": day, "weekly_hour": hour}
    values |= {name: value for name, value in chosen.items() if value is not None}
    if channel_id is not None:
        values["weekly_channel"] = _open_channel(bot, guild_id, channel_id)
    current = await bot.app.guild_settings.get(guild_id)
    is_on = values.get("weekly_channel", current.weekly_channel) is not None
    if is_on:
        values.setdefault("weekly_day", _DEFAULT_DAY if current.weekly_day is None else current.weekly_day)
        values.setdefault(
            "weekly_hour", _DEFAULT_HOUR if current.weekly_hour is None else current.weekly_hour
        )
    elif day is not None or hour is not None:
        raise UserError(
            "Also choose the channel in which the hero of the week is posted. Nothing was changed."
        )
    await bot.app.weekly_posts.configure(guild_id, **values)
    if is_on:
        return LocalizedMessage("The hero of the week is set.")
    return LocalizedMessage("The time zone is set.")


def suggest_zones(typed: str) -> list[app_commands.Choice[str]]:
    """Return the time zones whose names hold what is typed, those that begin with it first."""
    part = typed.strip().replace(" ", "_").casefold()
    found = [(key, name) for key, name in zone_names().items() if part in key]
    found.sort(key=lambda each: (not each[0].startswith(part), f"/{part}" not in each[0], each[0]))
    return [app_commands.Choice(name=name, value=name) for _, name in found[:_MAX_CHOICES]]


def weekly_lines(t: Translator, setting: GuildSetting) -> list[str]:
    """Return the lines of /settings show about the weekly post and the time zone."""
    zone = setting.time_zone or "UTC"
    time_zone = t("Time zone: {zone}", zone=zone)
    if setting.weekly_channel is None or setting.weekly_day is None or setting.weekly_hour is None:
        return [t("Hero of the week: not posted"), time_zone]
    when = t(
        "Hero of the week: {channel}, {day}, {hour}:00",
        channel=f"<#{setting.weekly_channel}>",
        day=t(_DAYS[setting.weekly_day]),
        hour=setting.weekly_hour,
    )
    return [when, time_zone]


def _zone(typed: str) -> str:
    zone = find_zone(typed)
    if zone is None:
        raise NotUnderstood(
            "I do not know the time zone {zone}. Type a large city nearby and choose from the list, such as "
            "Europe/Berlin. Nothing was changed.",
            zone=typed[:100],
        )
    return zone


def _open_channel(bot: HeroBot, guild_id: int, channel_id: int) -> int:
    """Return the channel's id. Raises NotAllowed if the bot may not post there."""
    guild = bot.get_guild(guild_id)
    channel = guild.get_channel_or_thread(channel_id) if guild else None
    if channel is None or not may_write(channel):
        raise NotAllowed(
            "I cannot post in {channel}: there I may not send messages, or not with embeds. Allow it, or "
            "choose another channel. Nothing was changed.",
            channel=f"<#{channel_id}>",
        )
    return channel_id
