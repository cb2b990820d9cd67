"""The supported languages, loaded from gettext catalogues."""

import gettext
import io
from functools import cached_property
from pathlib import Path

from bot.i18n.message import ENGLISH, Translator


class Catalogues:
    """The translators of the supported languages: English, and one for each .po file in a folder.

    A catalogue is loaded at its first use; worker and terminal never use one.
    """

    def __init__(self, folder: Path) -> None:
        self._files = {file.stem: file for file in sorted(folder.glob("*.po"))}
        self._loaded = {ENGLISH.code: ENGLISH}

    @cached_property
    def names(self) -> dict[str, str]:
        """The languages' own names by code, capitalised."""
        from babel import Locale  # noqa: PLC0415

        names = {
            code: Locale.parse(code, sep="-").display_name or code for code in (ENGLISH.code, *self._files)
        }
        return {code: f"{name[:1].upper()}{name[1:]}" for code, name in names.items()}

    def code(self, language: str) -> str | None:
        """Return the code of a supported language, given by code or name; None if it is not supported."""
        for code, name in self.names.items():
            if language.strip().lower() in (code.lower(), name.lower()):
                return code
        return None

    def translator_for(self, *preferred: str | None) -> Translator:
        """Return the translator of the first supported language, or English. `de-AT` falls back to `de`."""
        for locale in preferred:
            for code in (locale, (locale or "").partition("-")[0]):
                if code in self._files and code not in self._loaded:
                    self._loaded[code] = _load(self._files[code])
                if code in self._loaded:
                    return self._loaded[code]
        return ENGLISH


def _load(file: Path) -> Translator:
    """Load a .po file, with the language's separators in numbers: 1.234,5 for 1,234.5."""
    from babel import Locale  # noqa: PLC0415 (only where it is used)
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    symbols = Locale.parse(file.stem, sep="-").number_symbols["latn"]
    separators = {".": str(symbols["decimal"]), ",": str(symbols["group"])}
    return Translator(file.stem, gettext.GNUTranslations(compiled), separators)
