"""A duel's message: two texts without names, on their way, finished or hidden."""

import discord

from bot.heroes.hero import Hero
from bot.i18n.message import Translator
from bot.llm.stream import Stream
from bot.rating.duels import Pairing
from bot.store.descriptions import Description
from cogs.common.markdown import escape_markdown
from cogs.common.responses import MessageContent
from cogs.hero.duel_buttons import duel_buttons
from cogs.hero.embeds import draft_embed, has_sentence, queue_text

_ROOM = 2700  # characters for each text, of the 6,000 that the cards of a message may have together


def duel_content(pairing: Pairing, t: Translator) -> MessageContent:
    """Both texts, alike but for the letter, and the buttons; all that could tell who wrote them is left out.

    While a text is hidden, there is nothing to vote on.
    """
    texts = _text(pairing.a, t), _text(pairing.b, t)
    if pairing.visible:
        ask = t("Two models, one hero: which text is better? You see who wrote them when you have voted.")
    else:
        ask = t("A text of this duel is hidden: while it is, there is nothing to vote on.")
    return MessageContent(_cards(pairing.a.hero, texts, ask), duel_buttons(pairing, t))


def duel_draft_content(hero: Hero, streams: tuple[Stream, Stream], t: Translator) -> MessageContent:
    """Both texts so far, of each as much as of the other, or the place in the line.

    The quicker model's text waits for the slower one's: which comes first would tell who writes it. Where one
    model has failed, the other's text is going to be a plain description.
    """
    alone = [stream for stream in streams if stream.text or not stream.finished]
    if len(alone) < len(streams):
        text = draft_embed(hero, alone[0].text, t) if alone else None
        return MessageContent([text] if text else [], content=queue_text(alone, t))
    seen = min((len(stream.text) for stream in streams if not stream.finished), default=_ROOM)
    first, second = (stream.text[:seen] for stream in streams)
    if not (has_sentence(first) and has_sentence(second)):
        return MessageContent(content=queue_text(streams, t))
    cards = _cards(hero, (_safe(f"{first} ..."), _safe(f"{second} ...")), t("writing"))
    return MessageContent(cards, content=queue_text(streams, t))


def stopped_duel_content(t: Translator) -> MessageContent:
    """What somebody left of a duel who stopped it amid its texts."""
    said = t(
        "Stopped. Two models were writing here, for you to say which text is better. That takes whole texts, "
        "so nothing of them is kept."
    )
    return MessageContent(content=said)


def _cards(hero: Hero, texts: tuple[str, str], footer: str) -> list[discord.Embed]:
    gold = discord.Colour.gold()
    first = discord.Embed(title=str(hero).capitalize(), description=f"**A**\n{texts[0]}", colour=gold)
    second = discord.Embed(description=f"**B**\n{texts[1]}", colour=gold)
    return [first, second.set_footer(text=footer)]


def _text(description: Description, t: Translator) -> str:
    if description.removed_at is not None:
        return t("*This text is hidden: people have reported it.*")
    return _safe(description.text)


def _safe(text: str) -> str:
    """A text with its markdown harmless, as far as there is room."""
    safe = escape_markdown(text)
    return safe if len(safe) <= _ROOM else f"{safe[: _ROOM - 2].rsplit(' ', 1)[0]} …"
