"""Languages: which ones the bot speaks, and which of them somebody reads."""

import gettext
import io
from functools import cached_property
from pathlib import Path

from bot.i18n.message import ENGLISH, Translator


class Catalogues:
    """The languages that the bot speaks: English, and one for each catalogue in a folder.

    A catalogue is read when somebody is first spoken to in it: worker and terminal never do.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.po"))}
        self._read = {ENGLISH.code: ENGLISH}

    @cached_property
    def names(self) -> dict[str, str]:
        """What each language calls itself, by its code."""
        from babel import Locale  # noqa: PLC0415

        called = {
            code: Locale.parse(code, sep="-").display_name or code for code in (ENGLISH.code, *self._files)
        }
        return {code: f"{name[:1].upper()}{name[1:]}" for code, name in called.items()}

    def code(self, wish: str) -> str | None:
        """Return the code of a supported language, given by code or name; None if it is not supported."""
        for code, name in self.names.items():
            if wish.strip().lower() in (code.lower(), name.lower()):
                return code
        return None

    def translator_for(self, *wishes: str | None) -> Translator:
        """The first of the wished languages that is spoken here, else English. `de-AT` settles for `de`."""
        for wish in wishes:
            for code in (wish, (wish or "").partition("-")[0]):
                if code in self._files and code not in self._read:
                    self._read[code] = _language(self._files[code])
                if code in self._read:
                    return self._read[code]
        return ENGLISH


def _language(file: Path) -> Translator:
    """A catalogue as translators write it, and the language's marks in numbers: 1.234,5 for 1,234.5."""
    from babel import Locale  # noqa: PLC0415 (where it is used)
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    marks = Locale.parse(file.stem, sep="-").number_symbols["latn"]
    points = {".": str(marks["decimal"]), ",": str(marks["group"])}
    return Translator(file.stem, gettext.GNUTranslations(compiled), points)
