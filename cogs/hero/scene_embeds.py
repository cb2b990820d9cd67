"""The messages of teams and scenes, while they are written and afterwards."""

from collections.abc import Sequence

import discord

from bot import palette
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator, mark
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.serving.stories import MOST_SCENES
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.hero.embeds import draft_embed, hero_buttons, queue_text, text_embed

_MAX_TITLE = 256  # characters, by Discord's limit


def team_content(
    description: Description, heroes: Sequence[Hero], vocabulary: Vocabulary, t: Translator
) -> MessageContent:
    """Return a team with its buttons."""
    embed = text_embed(_team_title(heroes, vocabulary, t), description.text)
    votes = t("{up} {down} count for /top, but the bot does not learn from teams", up=UP, down=DOWN)
    buttons = hero_buttons("team", "card", "keep", "report", subject=description.id, t=t)
    return MessageContent([_signed(embed, description, votes, t)], buttons)


def team_draft_content(
    heroes: Sequence[Hero], stream: Stream, vocabulary: Vocabulary, t: Translator
) -> MessageContent:
    """Return a team's text so far, or the position in the queue; empty before there is either."""
    embed = draft_embed(_team_title(heroes, vocabulary, t), stream.show(), t)
    return MessageContent([embed] if embed else [], content=queue_text([stream], t))


def scene_content(
    description: Description, number: int, vocabulary: Vocabulary, t: Translator, *, trains: bool
) -> MessageContent:
    """Return a scene with its number and its buttons. trains: whether scenes that people like may train."""
    embed = _numbered(text_embed(vocabulary.title(description.hero, t), description.text), number, t)
    votes = t("{up} {down} say what you think of it; the bot does not learn from scenes", up=UP, down=DOWN)
    if trains:
        votes = t(
            "{up} {down} say what you think of it, and whether the bot may learn from it", up=UP, down=DOWN
        )
    actions = ("scene", "keep", "report") if number < MOST_SCENES else ("keep", "report")
    buttons = hero_buttons(*actions, subject=description.id, t=t)
    return MessageContent([_signed(embed, description, votes, t)], buttons)


def scene_draft_content(
    hero: Hero, number: int, stream: Stream, vocabulary: Vocabulary, t: Translator
) -> MessageContent:
    """Return a scene's text so far, or the position in the queue; empty before there is either."""
    embed = draft_embed(vocabulary.title(hero, t), stream.show(), t)
    return MessageContent([_numbered(embed, number, t)] if embed else [], content=queue_text([stream], t))


def _team_title(heroes: Sequence[Hero], vocabulary: Vocabulary, t: Translator) -> str:
    title = vocabulary.team_title(heroes, t)
    return title if len(title) <= _MAX_TITLE else f"{title[: _MAX_TITLE - 4]} ..."


def _numbered(embed: discord.Embed, number: int, t: Translator) -> discord.Embed:
    embed.title = f"{embed.title} · {t('Scene {number} of {most}', number=number, most=MOST_SCENES)}"
    return embed


def _signed(embed: discord.Embed, description: Description, votes: str, t: Translator) -> discord.Embed:
    """Add who wrote the text, as it is said of a hero, and what votes on it do."""
    embed.colour = discord.Colour.from_str(palette.MODEL if description.tuned else palette.BASE)
    if description.tuned and description.framed:
        template = mark("Written by model {number}, given a beginning and an ending")
    elif description.tuned:
        template = mark("Written by model {number}")
    elif description.framed:
        template = mark(
            "Written by the base model, {model}, before any training, given a beginning and an ending"
        )
    else:
        template = mark("Written by the base model, {model}, before any training")
    written = t(template, number=description.version, model=description.model)
    stopped = [t("stopped")] if description.finish_reason == "stopped" else []
    return embed.set_footer(text=" · ".join([written, *stopped, votes]))
