"""The blocklist: powers that are not described. Offline, on whole words, however they are spelt."""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import NotUnderstood, SettingsError
from bot.heroes.hero import Hero
from bot.heroes.vocabulary import EXAMPLE

if TYPE_CHECKING:
    from glin_profanity import Filter

_HYPHEN = re.compile("[-'’]")  # noqa: RUF001 (people type the curly apostrophe)
_PLURAL = re.compile(r"(?<=\w{3})s\b")


class Blocklist:
    """The packaged words of English and German, and those of this installation.

    vocabulary are powers that whoever runs the bot chose: they always pass.
    """

    def __init__(self, file: Path, vocabulary: tuple[str, ...]) -> None:
        """Raises SettingsError where the file cannot be read."""
        try:
            lines = [line.partition("#")[0].strip().lower() for line in file.read_text("utf-8").splitlines()]
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"BLOCKLIST: {file} cannot be read: {error}") from error
        self._blocked = [line for line in lines if line and not line.startswith("-")]
        self._allowed = [line.removeprefix("-").strip() for line in lines if line.startswith("-")]
        self._vocabulary = frozenset(vocabulary)

    @cached_property
    def _filter(self) -> "Filter":
        """Sees through leetspeak, accents, look-alikes from other alphabets and spaced letters."""
        from glin_profanity import Filter  # noqa: PLC0415 (a tenth of a second, at the first look)

        return Filter(
            {
                "languages": ["english", "german"],
                "custom_words": self._blocked,
                "whitelist": self._allowed,
                "detect_leetspeak": True,
                "normalize_unicode": True,
            }
        )

    def blocks(self, power: str) -> bool:
        return power not in self._vocabulary and any(map(self._filter.is_profane, _spellings(power)))

    def check(self, hero: Hero) -> None:
        """Raises NotUnderstood, in words that do not repeat the power, where it is not described."""
        if self.blocks(hero.power):
            raise NotUnderstood(
                "That is a power I would rather not write about. Think of another, as in `/hero {example}`.",
                example=EXAMPLE,
            )


def _spellings(power: str) -> set[str]:
    """A power as it is typed, with its hyphens as spaces and without them, in the plural and the singular."""
    joined = {power, _HYPHEN.sub(" ", power), _HYPHEN.sub("", power)}
    return joined | {_PLURAL.sub("", each) for each in joined}
