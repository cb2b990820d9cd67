"""A hero's message: one description, on its way, finished or hidden."""

from bot.hero import Hero
from bot.language import Language
from bot.llm.stream import Stream
from bot.store.descriptions import Description
from cogs.card import card, draft, queued
from cogs.hero_button import buttons
from cogs.look import Look


def hero_look(description: Description, say: Language) -> Look:
    """A description with its buttons; where it was taken from sight, no more than that."""
    if description.removed_at is not None:
        return Look(content=say("This description is hidden: people have reported it."))
    return Look([card(description, say)], buttons("again", "report", subject=description.id, say=say))


def hero_draft(hero: Hero, stream: Stream, say: Language) -> Look:
    """The text so far, or the place in the line; empty before there is either."""
    text = draft(hero, stream.text, say)
    return Look([text] if text else [], content=queued([stream], say))
