"""A hero's message: its embed and buttons, while the text is generated and afterwards."""

from collections.abc import Iterable

import discord

from bot import palette
from bot.heroes.curation import Curation, whole_sentences
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator, mark
from bot.llm.stream import Stream
from bot.rating.votes import DOWN, UP
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.markdown import escape_markdown
from cogs.common.persistent import persistent_view

_MAX_LENGTH = 4096  # characters of an embed's description, by Discord's limit
_LABELS = {
    "stop": mark("Stop"),
    "again": mark("Again"),
    "take": mark("Another take"),
    "scene": mark("Next scene"),
    "team": mark("Again"),
    "report": mark("Report"),
}
_EMOJI = {"card": "🖼️", "keep": "🔖"}  # buttons without a label
_BUTTONS_IN_A_ROW = 5  # at most, by Discord's limit


def hero_content(
    description: Description,
    vocabulary: Vocabulary,
    curation: Curation,
    t: Translator,
    *,
    needed: int,
) -> MessageContent:
    """Return a description with its buttons, or a notice without buttons if it is hidden.

    needed: how many people must like a text at least before it trains.
    """
    if notice := hidden_text(description, t):
        return MessageContent(content=notice)
    return MessageContent(
        [hero_embed(description, vocabulary, curation, t, needed=needed)],
        hero_buttons("again", "take", "scene", "card", "keep", "report", subject=description.id, t=t),
    )


def hidden_text(description: Description, t: Translator) -> str | None:
    """Return what stands in place of a description that is hidden; None if it is not."""
    if description.removed_by_operators:
        return t("Operators have removed this description.")
    if description.removed_at is not None:
        return t("This description is hidden: people have reported it.")
    return None


def hero_draft_content(hero: Hero, stream: Stream, vocabulary: Vocabulary, t: Translator) -> MessageContent:
    """Return the text so far, or the position in the queue; empty before there is either."""
    embed = draft_embed(vocabulary.title(hero, t), stream.show(), t)
    return MessageContent([embed] if embed else [], content=queue_text([stream], t))


def hero_buttons(*actions: str, subject: int, t: Translator) -> discord.ui.View:
    """Return the buttons that are named, such as "stop" or "report". All state is in their custom ids.

    subject: the id of the description, or of the generation that Stop ends. StopButton and AgainButton in
    cogs/hero/cog.py, TakeButton in cogs/hero/takes.py, SceneButton in cogs/hero/story_cog.py, CardButton in
    cogs/hero/cards.py, KeepButton in cogs/heroes/keep.py and ReportButton in cogs/moderation/buttons.py
    handle the clicks. More than a row holds are spread over two of the same length: none stands alone.
    """
    in_a_row = len(actions) if len(actions) <= _BUTTONS_IN_A_ROW else (len(actions) + 1) // 2
    return persistent_view(
        discord.ui.Button(
            custom_id=f"hero:{action}:{subject}",
            label=t(_LABELS[action]) if action in _LABELS else None,
            emoji=_EMOJI.get(action),
            row=number // in_a_row,
        )
        for number, action in enumerate(actions)
    )


def hero_embed(
    description: Description, vocabulary: Vocabulary, curation: Curation, t: Translator, *, needed: int
) -> discord.Embed:
    """Return the embed of a finished description: hero, escaped text, its model and what votes do."""
    embed = text_embed(vocabulary.title(description.hero, t), description.text)
    if description.tuned:
        embed.colour = discord.Colour.from_str(palette.MODEL)
        footer = [t("Written by model {number}", number=description.version)]
    else:
        embed.colour = discord.Colour.from_str(palette.BASE)
        template = mark("Written by the base model, {model}, before any training")
        if description.framed:
            template = mark(
                "Written by the base model, {model}, before any training, given a beginning and an ending"
            )
        footer = [t(template, model=description.model)]
    if description.finish_reason == "stopped":
        footer.append(t("stopped"))
    fault = curation.rejection_reason(description.hero, curation.trim(description.text))
    if not vocabulary.trains(description.hero):
        asks = t("{up} {down} count for /top, but the bot does not learn from this power", up=UP, down=DOWN)
    elif fault:
        asks = t(
            "{up} {down} count for /top, but the bot does not learn from this text: {fault}",
            up=UP,
            down=DOWN,
            fault=t(fault),
        )
    else:
        asks = t.count(
            "Should the bot learn from this text? {up} {down} It takes {number} person besides the one who "
            "asked",
            "Should the bot learn from this text? {up} {down} It takes {number} people besides the one who "
            "asked",
            needed,
            up=UP,
            down=DOWN,
        )
    footer.append(asks)
    embed.set_footer(text=" · ".join(footer))
    return embed


def draft_embed(title: str, text: str, t: Translator) -> discord.Embed | None:
    """Return the embed of an unfinished description; None before its first full sentence."""
    if not whole_sentences(text):
        return None
    return text_embed(title, f"{text} ...").set_footer(text=t("writing"))


def queue_text(streams: Iterable[Stream], t: Translator) -> str | None:
    """Return the position in the queue of the last of these streams; None if none is waiting."""
    position = max((stream.position for stream in streams), default=0)
    if not position:
        return None
    if position == 1:
        return t("The model is busy: you are next.")
    return t("The model is busy: you are {place} in line.", place=_ordinal(position, t))


def text_embed(title: str, text: str) -> discord.Embed:
    """Return the embed of a text, escaped, and cut to what Discord takes."""
    escaped = escape_markdown(text)
    if len(escaped) > _MAX_LENGTH:
        escaped = escaped[: _MAX_LENGTH - 4].rstrip("\\") + " ..."
    return discord.Embed(title=title.capitalize(), description=escaped)


def _ordinal(number: int, t: Translator) -> str:
    if t.code != "en":
        return f"{number}."
    suffix = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
