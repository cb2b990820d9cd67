"""Cards: a description as people see it, finished or on its way."""

import re
from collections.abc import Iterable

import discord

from bot.heroes.hero import Hero
from bot.i18n.message import Language
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.common.markdown import plain
from cogs.common.responses import Look
from cogs.hero.buttons import hero_buttons

_LONGEST = 4096  # characters of an embed's text
_SENTENCE = re.compile(r"[.!?][\"”’']?(?=\s|$)")  # noqa: RUF001 (texts close with curly quotes)


def card(description: Description, say: Language) -> discord.Embed:
    """A description: the hero, the text with its markdown harmless, and who wrote it."""
    embed = _embed(description.hero, description.text)
    if description.tuned:
        embed.colour = discord.Colour.blurple()
        said = [say("Written by model {number}", number=description.version or description.model)]
    else:
        embed.colour = discord.Colour.light_grey()
        said = [say("Written by the untuned base model, {model}", model=description.model)]
    if description.finish_reason == "stopped":
        said.append(say("stopped"))
    said.append(say("Worth learning from? {up} {down}", up=UP, down=DOWN))
    embed.set_footer(text=" · ".join(said))
    return embed


def begun(text: str) -> bool:
    """Whether there is a sentence, before which nothing of a text is shown."""
    return _SENTENCE.search(text) is not None


def draft(hero: Hero, text: str, say: Language) -> discord.Embed | None:
    """What there is of a description so far; None before its first sentence."""
    if not begun(text):
        return None
    return _embed(hero, f"{text} ...").set_footer(text=say("writing"))


def queued(streams: Iterable[Stream], say: Language) -> str | None:
    """Where in the line somebody waits, for the last of these; None where they do not."""
    place = max((stream.place for stream in streams), default=0)
    if not place:
        return None
    if place == 1:
        return say("The model is busy: you are next.")
    return say("The model is busy: you are {place} in line.", place=_nth(place, say))


def _embed(hero: Hero, text: str) -> discord.Embed:
    safe = plain(text)
    if len(safe) > _LONGEST:
        safe = safe[: _LONGEST - 4].rstrip("\\") + " ..."
    return discord.Embed(title=str(hero).capitalize(), description=safe)


def _nth(number: int, say: Language) -> str:
    if say.code != "en":
        return f"{number}."
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def hero_look(description: Description, say: Language) -> Look:
    """A description with its buttons; where it was taken from sight, no more than that."""
    if description.removed_at is not None:
        return Look(content=say("This description is hidden: people have reported it."))
    return Look([card(description, say)], hero_buttons("again", "report", subject=description.id, say=say))


def hero_draft(hero: Hero, stream: Stream, say: Language) -> Look:
    """The text so far, or the place in the line; empty before there is either."""
    text = draft(hero, stream.text, say)
    return Look([text] if text else [], content=queued([stream], say))
