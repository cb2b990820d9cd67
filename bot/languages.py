"""Languages: which ones the bot speaks, and which of them somebody reads."""

import gettext
import io
from functools import cached_property
from pathlib import Path

from bot.errors import NotUnderstood
from bot.language import ENGLISH, Language


class Languages:
    """The languages that the bot speaks: English, and one for each catalogue in a folder."""

    def __init__(self, folder: Path) -> None:
        self._known = {ENGLISH.code: ENGLISH}
        for file in sorted(folder.glob("*.po")):
            self._known[file.stem] = Language(file.stem, _read(file), _points(file.stem))

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


def _points(code: str) -> dict[str, str]:
    """A language's own marks in numbers: 1.234,5 is what Germans read for 1,234.5."""
    from babel.numbers import get_decimal_symbol, get_group_symbol  # noqa: PLC0415

    locale = code.replace("-", "_")
    return {".": get_decimal_symbol(locale), ",": get_group_symbol(locale)}
