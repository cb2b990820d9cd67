"""A duel's message: two texts without names, on their way, finished or hidden."""

import discord

from bot.heroes.hero import Hero
from bot.i18n.message import Language
from bot.llm.stream import Stream
from bot.rating.duels import Pairing
from bot.store.descriptions import Description
from cogs.common.markdown import plain
from cogs.common.responses import Look
from cogs.hero.duel_buttons import duel_buttons
from cogs.hero.embeds import begun, draft, queued

_ROOM = 2700  # characters for each text, of the 6,000 that the cards of a message may have together


def duel_look(pairing: Pairing, say: Language) -> Look:
    """Both texts, alike but for the letter, and the buttons; all that could tell who wrote them is left out.

    While a text is hidden, there is nothing to vote on.
    """
    texts = _text(pairing.a, say), _text(pairing.b, say)
    if pairing.in_sight:
        ask = say("Two models, one hero: which text is better? You see who wrote them when you have voted.")
    else:
        ask = say("A text of this duel is hidden: while it is, there is nothing to vote on.")
    return Look(_cards(pairing.a.hero, texts, ask), duel_buttons(pairing, say))


def duel_draft(hero: Hero, streams: tuple[Stream, Stream], say: Language) -> Look:
    """Both texts so far, of each as much as of the other, or the place in the line.

    The quicker model's text waits for the slower one's: which comes first would tell who writes it. Where one
    model has failed, the other's text is going to be a plain description.
    """
    alone = [stream for stream in streams if stream.text or not stream.over]
    if len(alone) < len(streams):
        text = draft(hero, alone[0].text, say) if alone else None
        return Look([text] if text else [], content=queued(alone, say))
    seen = min((len(stream.text) for stream in streams if not stream.over), default=_ROOM)
    first, second = (stream.text[:seen] for stream in streams)
    if not (begun(first) and begun(second)):
        return Look(content=queued(streams, say))
    cards = _cards(hero, (_safe(f"{first} ..."), _safe(f"{second} ...")), say("writing"))
    return Look(cards, content=queued(streams, say))


def stopped_duel(say: Language) -> Look:
    """What somebody left of a duel who stopped it amid its texts."""
    said = say(
        "Stopped. Two models were writing here, for you to say which text is better. That takes whole texts, "
        "so nothing of them is kept."
    )
    return Look(content=said)


def _cards(hero: Hero, texts: tuple[str, str], footer: str) -> list[discord.Embed]:
    gold = discord.Colour.gold()
    first = discord.Embed(title=str(hero).capitalize(), description=f"**A**\n{texts[0]}", colour=gold)
    second = discord.Embed(description=f"**B**\n{texts[1]}", colour=gold)
    return [first, second.set_footer(text=footer)]


def _text(description: Description, say: Language) -> str:
    if description.removed_at is not None:
        return say("*This text is hidden: people have reported it.*")
    return _safe(description.text)


def _safe(text: str) -> str:
    """A text with its markdown harmless, as far as there is room."""
    safe = plain(text)
    return safe if len(safe) <= _ROOM else f"{safe[: _ROOM - 2].rsplit(' ', 1)[0]} …"
