"""A hero of what a person typed, in Discord or in the terminal: understood, and not blocked."""

from bot.errors import NotUnderstood
from bot.heroes.blocklist import Blocklist
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import Vocabulary


class HeroParser:
    """Parses what people type. Whatever has a hero written for a person parses it here."""

    def __init__(self, vocabulary: Vocabulary, blocklist: Blocklist) -> None:
        self._vocabulary = vocabulary
        self._blocklist = blocklist

    def parse(self, typed: str) -> Hero:
        """Return the hero that was typed.

        Raises NotUnderstood with what is wrong, or if its power is blocked: that message does not repeat it.
        """
        hero = self._vocabulary.parse(typed)
        if self._blocklist.blocks(hero.power):
            raise NotUnderstood("That is a power I would rather not write about. Think of another.")
        return hero
