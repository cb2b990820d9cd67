"""Format values for people."""

from bot.i18n.message import LocalizedMessage

_MOST_SECONDS = 90
_MOST_MINUTES = 90


def format_duration(seconds: float) -> LocalizedMessage:
    """Return a duration in words, as exact as a forecast can be: `35 s`, `14 min` or `2 h 5 min`."""
    if seconds < _MOST_SECONDS:
        return LocalizedMessage("{number} s", number=round(seconds))
    minutes = round(seconds / 60)
    if minutes < _MOST_MINUTES:
        return LocalizedMessage("{number} min", number=minutes)
    return LocalizedMessage("{hours} h {minutes} min", hours=minutes // 60, minutes=minutes % 60)
