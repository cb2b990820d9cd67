"""The text of an examination, for Discord and the terminal."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from bot.doctor.finding import Finding, State, worst
from bot.i18n.message import LocalizedMessage, Translator, mark

STATES: dict[State, str] = {
    "ok": mark("ok"),
    "warning": mark("warning"),
    "failed": mark("failed"),
    "skipped": mark("skipped"),
}
_SIGNS: dict[State, str] = {"ok": "✅", "warning": "⚠️", "failed": "❌", "skipped": "·"}
CHECKS = {
    "settings": mark("settings"),
    "files": mark("files"),
    "python": mark("Python"),
    "packages": mark("packages"),
    "data_folder": mark("data folder"),
    "database": mark("database"),
    "database_pages": mark("database pages"),
    "database_size": mark("database size"),
    "database_lock": mark("database lock"),
    "pseudonyms": mark("pseudonyms"),
    "backups": mark("backups"),
    "token": mark("Token"),
    "login": mark("login"),
    "clock": mark("clock"),
    "disk": mark("disk"),
    "memory": mark("memory"),
    "training_space": mark("training space"),
    "engine": mark("engine"),
    "api": "API",
    "serving": "SERVING_URL",
    "training": mark("training"),
    "models": mark("models"),
    "prices": mark("prices"),
    "intents": mark("Intents"),
    "permissions": mark("permissions"),
    "home_servers": "HOME_GUILDS",
    "admin_channel": "ADMIN_CHANNEL",
    "policies": mark("links"),
    "worker": mark("worker"),
    "waiting": mark("waiting for a person"),
    "notices": mark("notices"),
}
_MAX_LENGTH = 1900  # characters, of the 2,000 that a message may have


def examination_lines(
    t: Translator, findings: Iterable[Finding], shown: Callable[[Path], str] = str
) -> Iterator[str]:
    """Yield the lines of the whole examination: each finding, and under it its cure and file.

    shown: returns a path as it is told.
    """
    for each in findings:
        name = t(LocalizedMessage(CHECKS[each.check]))
        yield f"{t(LocalizedMessage(STATES[each.state])):<9} {name:<21} {t(each.cause)}"
        if each.cure:
            yield f"{'':<31} → {t(each.cure)}"
        if each.file and each.state != "ok":
            yield f"{'':<31}   {shown(Path(each.file))}"


def summary_text(t: Translator, findings: Sequence[Finding]) -> str:
    """Return how many findings there are of each state, as a sentence."""
    numbers = {state: sum(each.state == state for each in findings) for state in STATES}
    return t(
        "{ok} checks ok, {warnings} with a warning, {failed} failed, {skipped} skipped.",
        ok=numbers["ok"],
        warnings=numbers["warning"],
        failed=numbers["failed"],
        skipped=numbers["skipped"],
    )


def short_examination_text(t: Translator, findings: Sequence[Finding]) -> str:
    """Return what an operator reads in Discord: all that is not in order, the worst first."""
    title = f"{_SIGNS[worst(findings)]} {summary_text(t, findings)}"
    ordered = [each for state in ("failed", "warning") for each in findings if each.state == state]
    more = t("… The rest is told by `herosmith doctor` in the terminal.")
    lines, left = [title], _MAX_LENGTH - len(title) - len(more)
    for each in ordered:
        cure = f" {t(each.cure)}" if each.cure else ""
        name = t(LocalizedMessage(CHECKS[each.check]))
        line = f"{_SIGNS[each.state]} **{name}** {t(each.cause)}{cure}"
        left -= len(line) + 1
        if left < 0:
            return "\n".join([*lines, more])
        lines.append(line)
    return "\n".join(lines)
