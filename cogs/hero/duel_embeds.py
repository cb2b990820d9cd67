"""A duel's message: two anonymous texts, while they are generated, finished or hidden."""

from collections.abc import Sequence

import discord

from bot import palette
from bot.heroes.curation import whole_sentences
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import Translator
from bot.llm.stream import Stream
from bot.rating.duels import Pairing
from bot.store.descriptions import Description
from cogs.common.content import MessageContent
from cogs.common.markdown import escape_markdown
from cogs.hero.duel_buttons import duel_buttons
from cogs.hero.embeds import draft_embed, queue_text

_MAX_LENGTH = 2700  # characters of each text; all embeds of a message may have 6,000 together


def duel_content(pairing: Pairing, vocabulary: Vocabulary, t: Translator) -> MessageContent:
    """Return both texts, labelled A and B, with the buttons. Nothing in it tells which model wrote which.

    While a text is hidden, the message has no vote buttons.
    """
    texts = [_text(text, t) for text in (pairing.a, pairing.b)]
    if pairing.visible:
        footer = t(
            "A new model is on trial, so two models wrote this hero. Which text is better? After your "
            "vote you see who wrote which."
        )
    else:
        footer = t("A text of this duel is hidden, so you cannot vote on it now.")
    return MessageContent(
        _embeds(vocabulary.title(pairing.a.hero, t), texts, footer), duel_buttons(pairing, t)
    )


def duel_draft_content(
    hero: Hero, streams: tuple[Stream, Stream], vocabulary: Vocabulary, t: Translator
) -> MessageContent:
    """Return both texts so far, cut to the length of the shorter one, or the position in the queue.

    The faster model's text waits for the slower one's, because the speed would tell who writes it. If one
    model has failed, the other's text is shown alone: it becomes a plain description.
    """
    title = vocabulary.title(hero, t)
    remaining = [stream for stream in streams if stream.text or not stream.finished]
    if len(remaining) < len(streams):
        embed = draft_embed(title, remaining[0].show(), t) if remaining else None
        return MessageContent([embed] if embed else [], content=queue_text(remaining, t))
    length = min((len(stream.text) for stream in streams if not stream.finished), default=_MAX_LENGTH)
    if not all(whole_sentences(stream.text[:length]) for stream in streams):
        return MessageContent(content=queue_text(streams, t))
    first, second = (stream.show(length) for stream in streams)
    reason = t("A new model is on trial, so two models are writing this hero.")
    embeds = _embeds(title, (_escape(f"{first} ..."), _escape(f"{second} ...")), reason)
    return MessageContent(embeds, content=queue_text(streams, t))


def stopped_duel_content(t: Translator) -> MessageContent:
    """Return the notice that replaces a duel that was stopped before both texts were finished."""
    text = t(
        "Stopped. Two models were writing here, so that you could say which text is better. That takes "
        "two whole texts, so this one was not kept."
    )
    return MessageContent(content=text)


def _embeds(title: str, texts: Sequence[str], footer: str) -> list[discord.Embed]:
    colour = discord.Colour.from_str(palette.CONTEST)
    first = discord.Embed(title=title.capitalize(), description=f"**A**\n{texts[0]}", colour=colour)
    second = discord.Embed(description=f"**B**\n{texts[1]}", colour=colour)
    return [first, second.set_footer(text=footer)]


def _text(description: Description, t: Translator) -> str:
    if description.removed_by_operators:
        return t("*Operators have removed this text.*")
    if description.removed_at is not None:
        return t("*This text is hidden: people have reported it.*")
    return _escape(description.text)


def _escape(text: str) -> str:
    """Return a text with its markdown escaped, truncated at a word."""
    escaped = escape_markdown(text)
    return escaped if len(escaped) <= _MAX_LENGTH else f"{escaped[: _MAX_LENGTH - 2].rsplit(' ', 1)[0]} …"
