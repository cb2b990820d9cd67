"""The text of what a server's admins limit for members with a role."""

from collections.abc import Iterable

from bot.i18n.message import Translator
from bot.store.role_limits import RoleLimit


def role_limits_text(t: Translator, limits: Iterable[RoleLimit]) -> str:
    """Return the lines that follow those of a server's settings; empty if no role has limits."""
    lines = [f"\n- <@&{each.role_id}>: {', '.join(_parts(t, each))}" for each in limits]
    if not lines:
        return ""
    title = t("**Limits of roles** (of several, a member gets the most generous)")
    return f"\n{title}{''.join(lines)}"


def _parts(t: Translator, limit: RoleLimit) -> Iterable[str]:
    if limit.cooldown is not None:
        yield t.count("a wait of {number} second", "a wait of {number} seconds", round(limit.cooldown))
    if limit.daily_per_user is not None:
        yield t.count("{number} description a day", "{number} descriptions a day", limit.daily_per_user)
