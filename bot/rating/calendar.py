"""Local days: time zones, weeks and months, and when it is a weekday's hour."""

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from bot.store.ranking import Span


def time_zone(name: str | None) -> tzinfo:
    """Return a time zone by its name, UTC if there is none, or this machine does not know it any more."""
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


@cache
def zone_names() -> dict[str, str]:
    """Return the names of all time zones by themselves in lower case, in order."""
    names = (name for name in available_timezones() if "/" in name or name == "UTC")
    return {name.casefold(): name for name in sorted(names)}


def find_zone(typed: str) -> str | None:
    """Return the name of a time zone that somebody typed, in any case and with blanks."""
    return zone_names().get(typed.strip().replace(" ", "_").casefold())


def this_week(now: float, zone: tzinfo) -> Span:
    """Return the span from the last local midnight that began a Monday."""
    today = _day(now, zone)
    return Span(start_of(today - timedelta(days=today.weekday()), zone))


def this_month(now: float, zone: tzinfo) -> Span:
    """Return the span from the local midnight that began the month."""
    return Span(start_of(_day(now, zone).replace(day=1), zone))


def week_before(day: date, zone: tzinfo) -> Span:
    """Return the seven local days before a day."""
    return Span(start_of(day - timedelta(days=7), zone), start_of(day, zone))


def last_occurrence(now: float, zone: tzinfo, *, weekday: int, hour: int) -> tuple[date, float]:
    """Return the last day and moment at which it was this weekday (0: Monday) and hour, by the local clock.

    Of an hour that occurs twice, because clocks are set back, the first is meant. One that does not occur,
    because they are set forward, is as long after midnight as on other days.
    """
    today = _day(now, zone)
    day = today - timedelta(days=(today.weekday() - weekday) % 7)
    if _moment(day, hour, zone) > now:
        day -= timedelta(days=7)
    return day, _moment(day, hour, zone)


def start_of(day: date, zone: tzinfo) -> float:
    """Return when a local day begins, in seconds since 1970."""
    return _moment(day, 0, zone)


def _day(now: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(now, zone).date()


def _moment(day: date, hour: int, zone: tzinfo) -> float:
    return datetime.combine(day, time(hour), zone).timestamp()
