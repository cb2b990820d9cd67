"""The blocklist: powers that are not described.

It works offline and on whole words, and sees through other spellings of them.
"""

import re
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from bot.errors import SettingsError

if TYPE_CHECKING:
    from glin_profanity import Filter

_HYPHEN = re.compile("[-'’]")  # noqa: RUF001 (people type the curly apostrophe)
_PLURAL = re.compile(r"(?<=\w{3})s\b")


class Blocklist:
    """The words of glin-profanity in English and German, and those of this installation's file.

    A line of the file blocks a word; with a hyphen before it, it allows the word. The powers of the
    vocabulary are always allowed: the operator chose them.
    """

    def __init__(self, file: Path, vocabulary: tuple[str, ...]) -> None:
        """Raise SettingsError if the file cannot be read."""
        try:
            lines = [
                line.partition("#")[0].strip().lower() for line in file.read_text("utf-8-sig").splitlines()
            ]
        except OSError as error:  # its own text has the path once more
            raise SettingsError(f"BLOCKLIST: {file} cannot be read: {error.strerror or error}") from error
        except UnicodeDecodeError as error:
            raise SettingsError(f"BLOCKLIST: {file} cannot be read: {error}") from error
        self.file = f"{file.parent.name}/{file.name}"  # for people
        self._blocked = [line for line in lines if line and not line.startswith("-")]
        allowed = [line.removeprefix("-").strip() for line in lines if line.startswith("-")]
        # a power is looked at in several spellings, and what is allowed has to be allowed in each
        self._allowed = sorted(spelling for line in allowed for spelling in _spellings(line))
        self._vocabulary = frozenset(vocabulary)

    @cached_property
    def _filter(self) -> "Filter":
        """A filter that knows leetspeak, accents, look-alikes of other alphabets and spaced letters."""
        from glin_profanity import Filter  # noqa: PLC0415 (takes a tenth of a second, at the first use)

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
        """Return whether a power, in lower case, is blocked in any of its spellings."""
        return power not in self._vocabulary and any(map(self._filter.is_profane, _spellings(power)))


def _spellings(power: str) -> set[str]:
    """Return a power as typed, with spaces for hyphens, and without them; each in plural and singular."""
    joined = {power, _HYPHEN.sub(" ", power), _HYPHEN.sub("", power)}
    return joined | {_PLURAL.sub("", spelling) for spelling in joined}
