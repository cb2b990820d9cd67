"""Language: what people read, in theirs. English stands in the code; the others are gettext catalogues."""

import gettext
import io
from functools import cached_property
from pathlib import Path

from bot.errors import NotUnderstood


def later(sentence: str) -> str:
    """Mark a sentence that is said elsewhere, for whoever gathers sentences for the catalogues."""
    return sentence


class Language:
    """Says sentences in one language. The English one is the key; its {fields} are filled in afterwards."""

    def __init__(self, code: str, catalogue: gettext.NullTranslations) -> None:
        self.code = code
        self._catalogue = catalogue

    def __call__(self, sentence: str, /, **fields: object) -> str:
        """The sentence in this language; in English where the catalogue lacks it."""
        said = self._catalogue.gettext(sentence)
        return said.format(**fields) if fields else said

    def name(self, command: str) -> str:
        """What a command or an option is called in this language."""
        return self._catalogue.pgettext("name", command)

    def count(self, one: str, many: str, number: int, /, **fields: object) -> str:
        """One of two English sentences, or of as many as this language has; {number} is the number."""
        return self._catalogue.ngettext(one, many, number).format(number=number, **fields)


ENGLISH = Language("en", gettext.NullTranslations())


class Languages:
    """The languages that the bot speaks: English, and one for each catalogue in a folder."""

    def __init__(self, folder: Path) -> None:
        self._known = {ENGLISH.code: ENGLISH}
        for file in sorted(folder.glob("*.po")):
            self._known[file.stem] = Language(file.stem, _read(file))

    @cached_property
    def names(self) -> dict[str, str]:
        """What each language calls itself, by its code."""
        from babel import Locale  # noqa: PLC0415

        return {code: (Locale.parse(code, sep="-").display_name or code).capitalize() for code in self._known}

    def code(self, wish: str) -> str:
        """The code of a language that is spoken here, given by code or name. Raises NotUnderstood."""
        for code, name in self.names.items():
            if wish.strip().lower() in (code.lower(), name.lower()):
                return code
        raise NotUnderstood(
            "I do not speak that language. I speak: {languages}.", languages=", ".join(self.names.values())
        )

    def of(self, *wishes: str | None) -> Language:
        """The first of the wished languages that is spoken here, else English. `de-AT` settles for `de`."""
        for wish in wishes:
            for code in (wish, (wish or "").partition("-")[0]):
                if code in self._known:
                    return self._known[code]
        return ENGLISH


def _read(file: Path) -> gettext.GNUTranslations:
    """A catalogue as translators write it, in the form that the standard library reads."""
    from babel.messages.mofile import write_mo  # noqa: PLC0415 (the worker and the terminal say nothing to people)
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with file.open("rb") as source:
        catalogue = read_po(source, locale=file.stem)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)
