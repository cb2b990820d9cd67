"""The text of who asks most and who is blocked, for Discord and the terminal."""

from datetime import UTC, datetime

from bot.community.people import ListedPerson
from bot.i18n.message import Translator


def heaviest_text(t: Translator, people: list[ListedPerson], days: int) -> str:
    """Return the people who asked for most heroes, line by line."""
    if not people:
        return t.count(
            "Nobody has asked for a hero in the last 24 hours.",
            "Nobody has asked for a hero in the last {number} days.",
            days,
        )
    title = t.count(
        "Who asked for most heroes in the last 24 hours:",
        "Who asked for most heroes in the last {number} days:",
        days,
    )
    return "\n".join([title, *(f"- {_line(t, each)}" for each in people)])


def blocked_text(t: Translator, people: list[ListedPerson]) -> str:
    """Return the people who were blocked last, line by line."""
    if not people:
        return t("Nobody is blocked.")
    lines = [f"- `{each.short}` ({_since(t, each.blocked_at)})" for each in people if each.blocked_at]
    return "\n".join([t("Blocked:"), *lines])


def _line(t: Translator, person: ListedPerson) -> str:
    heroes = t.count("{number} hero", "{number} heroes", person.heroes)
    line = f"`{person.short}` {heroes}"
    return f"{line} ({_since(t, person.blocked_at)})" if person.blocked_at else line


def _since(t: Translator, at: float | None) -> str:
    return t("blocked since {day}", day=f"{datetime.fromtimestamp(at or 0, UTC):%Y-%m-%d}")
