"""Cards: a description as people see it, finished or on its way."""

import re
from collections.abc import Iterable

import discord

from bot.heroes.hero import Hero
from bot.i18n.message import Translator
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.common.markdown import escape_markdown
from cogs.common.responses import MessageContent
from cogs.hero.buttons import hero_buttons

_LONGEST = 4096  # characters of an embed's text
_SENTENCE = re.compile(r"[.!?][\"”’']?(?=\s|$)")  # noqa: RUF001 (texts close with curly quotes)


def hero_embed(description: Description, t: Translator) -> discord.Embed:
    """A description: the hero, the text with its markdown harmless, and who wrote it."""
    embed = _embed(description.hero, description.text)
    if description.tuned:
        embed.colour = discord.Colour.blurple()
        said = [t("Written by model {number}", number=description.version or description.model)]
    else:
        embed.colour = discord.Colour.light_grey()
        said = [t("Written by the untuned base model, {model}", model=description.model)]
    if description.finish_reason == "stopped":
        said.append(t("stopped"))
    said.append(t("Worth learning from? {up} {down}", up=UP, down=DOWN))
    embed.set_footer(text=" · ".join(said))
    return embed


def has_sentence(text: str) -> bool:
    """Whether there is a sentence, before which nothing of a text is shown."""
    return _SENTENCE.search(text) is not None


def draft_embed(hero: Hero, text: str, t: Translator) -> discord.Embed | None:
    """What there is of a description so far; None before its first sentence."""
    if not has_sentence(text):
        return None
    return _embed(hero, f"{text} ...").set_footer(text=t("writing"))


def queue_text(streams: Iterable[Stream], t: Translator) -> str | None:
    """Where in the line somebody waits, for the last of these; None where they do not."""
    place = max((stream.position for stream in streams), default=0)
    if not place:
        return None
    if place == 1:
        return t("The model is busy: you are next.")
    return t("The model is busy: you are {place} in line.", place=_nth(place, t))


def _embed(hero: Hero, text: str) -> discord.Embed:
    safe = escape_markdown(text)
    if len(safe) > _LONGEST:
        safe = safe[: _LONGEST - 4].rstrip("\\") + " ..."
    return discord.Embed(title=str(hero).capitalize(), description=safe)


def _nth(number: int, t: Translator) -> str:
    if t.code != "en":
        return f"{number}."
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


def hero_content(description: Description, t: Translator) -> MessageContent:
    """A description with its buttons; where it was taken from sight, no more than that."""
    if description.removed_at is not None:
        return MessageContent(content=t("This description is hidden: people have reported it."))
    return MessageContent(
        [hero_embed(description, t)], hero_buttons("again", "report", subject=description.id, t=t)
    )


def hero_draft_content(hero: Hero, stream: Stream, t: Translator) -> MessageContent:
    """The text so far, or the place in the line; empty before there is either."""
    text = draft_embed(hero, stream.text, t)
    return MessageContent([text] if text else [], content=queue_text([stream], t))
