"""The lint rules for chats and heroes: what older formats add, what /hero asks, what trainers refuse."""

import re
from typing import TYPE_CHECKING

from bot.chat import CONTROL_TOKEN
from bot.dataset.files.affixes import SharedAffixes
from bot.dataset.lint.examples import Heroes
from bot.dataset.lint.finding import (
    Finding,
    Severity,
    count_text,
    info,
    map_column,
    quoted,
)
from bot.dataset.lint.places import Places

if TYPE_CHECKING:
    import pandas as pd

_FIRST_TOKENS = re.compile(rf"\A(?:\s*{CONTROL_TOKEN.pattern})+\s*")
_LAST_TOKENS = re.compile(rf"(?:\s*{CONTROL_TOKEN.pattern})+\s*\Z")


def shared_affixes(column: str, frame: "pd.DataFrame") -> Finding | None:
    """Check for the marks of older formats: in a chat, roles say where prompts and completions end."""
    shared = SharedAffixes.of_prompts if column == "prompt" else SharedAffixes.of_texts
    affixes, before = shared(frame[column]), _unchanged
    if not affixes.suffix:  # control tokens, which some texts do not have or have others, may stand after it
        bare = shared(map(_without_last_tokens, frame[column]))
        if bare.suffix:
            affixes, before = bare, _without_last_tokens
    remove = affixes.remover()
    if remove is None:
        return None
    return Finding(
        Severity.NECESSARY,
        f"Every {column} {affixes.describe()}, which a chat does not need.",
        f"Take that off all {column}s",
        lambda data: map_column(data, column, lambda text: remove(before(text))),
    )


def _unchanged(text: str) -> str:
    return text


def _without_last_tokens(text: str) -> str:
    return _LAST_TOKENS.sub("", text) if text.rstrip().endswith("|>") else text


def refused_heroes(heroes: Heroes, places: Places, _frame: "pd.DataFrame") -> Finding | None:
    """Name the examples without a hero among those that have one: import refuses them."""
    refused = heroes.refused
    if refused.empty:
        return None
    count = count_text(len(refused), "example")
    reasons = "".join(f"\n   - {reason}" for reason in heroes.refusals)
    return info(f"{count} without a hero that /hero takes: {places.names(refused)}.{reasons}")


def hero_prompts(heroes: Heroes, places: Places, frame: "pd.DataFrame") -> Finding | None:
    """Check that each prompt is the very text that a tuned model is asked for its hero.

    Only /hero asks so: who asks a model of one's own keeps to the words of the file.
    """
    asked = heroes.prompts
    other = frame.index[(frame["prompt"] != asked) & (asked != "")]
    if other.empty:
        return None
    first = other[0]
    count = count_text(len(other), "prompt")
    return Finding(
        Severity.OPTIONAL,
        f"{count} in other words than /hero's: {places.name(first)} has {quoted(frame['prompt'].loc[first])} "
        f"for {quoted(asked.loc[first])}.",
        f"Write {count} as /hero asks",
        lambda data: data.assign(prompt=data["prompt"].where(~data.index.isin(other), asked.loc[data.index])),
        style=True,
    )


def system_turns(reason: str, frame: "pd.DataFrame") -> Finding | None:
    if "system" not in frame:
        return None
    return Finding(
        Severity.NECESSARY,
        f"The conversations have a system turn: {reason}.",
        "Leave the system turns out",
        lambda data: data[["prompt", "completion"]],
    )


def control_tokens(places: Places, frame: "pd.DataFrame") -> Finding | None:
    """Check for what chat templates put between turns: trainers refuse texts with it."""
    columns = list(frame)
    holds = frame[columns[0]].str.contains(CONTROL_TOKEN)
    for name in columns[1:]:
        holds |= frame[name].str.contains(CONTROL_TOKEN)
    found = frame.index[holds]
    if found.empty:
        return None
    row = frame.loc[found[0]]
    token = next(match[0] for text in row if (match := CONTROL_TOKEN.search(text)))
    return Finding(
        Severity.OPTIONAL,
        f"{count_text(len(found), 'example')} with a control token such as {token}, which trainers refuse: "
        f"{places.names(found)}.",
        f"Take the control tokens out of {count_text(len(found), 'example')}",
        _without_control_tokens,
    )


def _without_control_tokens(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Take them out, and drop what has no completion without them."""
    names = [str(name) for name in frame]
    cleaned = frame
    for name in names:
        cleaned = map_column(cleaned, name, _without_tokens)
    return cleaned.loc[cleaned["completion"].str.strip() != ""]


def _without_tokens(text: str) -> str:
    """Take them out of a text, with the blanks beside them where they were its first or last words."""
    if "<|" not in text:
        return text
    return CONTROL_TOKEN.sub("", _FIRST_TOKENS.sub("", _without_last_tokens(text)))


def empty_prompts(places: Places, frame: "pd.DataFrame") -> Finding | None:
    empty = frame.index[frame["prompt"].str.strip() == ""]
    if empty.empty or len(empty) == len(frame):
        return None
    count = count_text(len(empty), "example")
    return Finding(
        Severity.OPTIONAL,
        f"{count} without a prompt: {places.names(empty)}.",
        f"Drop {count} without a prompt",
        lambda data: data.drop(empty, errors="ignore"),
        places=places.names(empty),
    )
