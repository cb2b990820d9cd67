"""Cards: a description as people see it, finished or on its way."""

import re

import discord

from bot.hero import Hero
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description

_LONGEST = 4096  # characters of an embed's text
_SENTENCE = re.compile(r"[.!?][\"”’']?(?=\s|$)")  # noqa: RUF001 (texts close with curly quotes)


def card(description: Description) -> discord.Embed:
    """A description: the hero, the text with its markdown harmless, and who wrote it."""
    tuned = description.tuned
    embed = _embed(description.hero, description.text)
    embed.colour = discord.Colour.blurple() if tuned else discord.Colour.light_grey()
    writer = description.model if tuned else f"Written by the untuned base model, {description.model}"
    stopped = " · stopped" if description.finish_reason == "stopped" else ""
    embed.set_footer(text=f"{writer}{stopped} · Worth learning from? {UP} {DOWN}")
    return embed


def draft(hero: Hero, stream: Stream) -> discord.Embed | None:
    """What there is of a description so far; None before its first sentence."""
    if not _SENTENCE.search(stream.text):
        return None
    return _embed(hero, f"{stream.text} ...").set_footer(text="writing")


def queued(stream: Stream) -> str | None:
    """Where in the line somebody waits; None where they do not."""
    if not stream.place:
        return None
    return (
        "The model is busy: you are next." if stream.place == 1 else f"You are {_nth(stream.place)} in line."
    )


def _embed(hero: Hero, text: str) -> discord.Embed:
    safe = discord.utils.escape_markdown(text)
    if len(safe) > _LONGEST:
        safe = safe[: _LONGEST - 4].rstrip("\\") + " ..."
    return discord.Embed(title=str(hero).capitalize(), description=safe)


def _nth(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
