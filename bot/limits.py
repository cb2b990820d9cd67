"""Limits: how much of the bot one member and one server may have."""

from dataclasses import dataclass

from bot.store.guilds import GuildSetting


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds between two requests of one user, and descriptions a day (UTC); None where nothing limits."""

    cooldown: float = 0.0
    daily_per_user: int | None = None
    daily_of_guild: int | None = None

    def within(self, setting: GuildSetting) -> "Limits":
        """What holds in a server: its admins' own where they are narrower than these, never wider."""
        return Limits(
            max(self.cooldown, setting.cooldown or 0.0),
            _least(self.daily_per_user, setting.daily_per_user),
            _least(self.daily_of_guild, setting.daily_of_guild),
        )


def _least(*caps: int | None) -> int | None:
    return min((cap for cap in caps if cap is not None), default=None)
