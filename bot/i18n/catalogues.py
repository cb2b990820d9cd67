"""The supported languages, loaded from gettext catalogues."""

import gettext
import io
import logging
from functools import cached_property, lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

from bot.i18n.message import ENGLISH, Translator

if TYPE_CHECKING:
    from babel import Locale

log = logging.getLogger(__name__)

_MOST_REPORTED = 1000  # messages of a catalogue; texts of old versions are looked up in it, too


class Catalogues:
    """The translators of the supported languages: English, and one for each .po file in a folder.

    A catalogue is loaded at its first use: by a worker for the words of pictures, by the terminal never. What
    it lacks is said in English, with a warning in the log.
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
        """Return the code of a supported language; None if it is not supported.

        It may be given by its code, by its own name, or by its name in English or another supported language.
        """
        typed = language.strip().casefold()
        return next((code for code, words in self.words.items() if typed in words), None)

    @cached_property
    def words(self) -> dict[str, frozenset[str]]:
        """What people may type for each language, in lower case, by code."""
        from babel import Locale  # noqa: PLC0415

        locales = [Locale.parse(code, sep="-") for code in self.names]
        return {
            code: frozenset(
                word.casefold()
                for word in (code, name, *(locale.get_display_name(other) for other in locales))
                if word
            )
            for (code, name), locale in zip(self.names.items(), locales, strict=True)
        }

    def translator_for(self, *preferred: str | None) -> Translator:
        """Return the translator of the first supported language, or English. `de-AT` falls back to `de`."""
        for locale in preferred:
            for code in (locale, (locale or "").partition("-")[0]):
                if code in self._files and code not in self._loaded:
                    file = self._files[code]
                    self._loaded[code] = _load(file, file.stat().st_mtime_ns)
                if code in self._loaded:
                    return self._loaded[code]
        return ENGLISH


@lru_cache(maxsize=64)
def _load(file: Path, _modified: int) -> Translator:
    """Load a .po file. Each state of it is parsed once in a process: it takes 40 ms."""
    from babel import Locale  # noqa: PLC0415 (only where it is used)
    from babel.messages.mofile import write_mo  # noqa: PLC0415
    from babel.messages.pofile import read_po  # noqa: PLC0415

    with file.open("rb") as source:
        catalogue = read_po(source)
    compiled = io.BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    translations = gettext.GNUTranslations(compiled)
    translations.add_fallback(_Untranslated(file.name))
    return Translator(file.stem, translations, partial(_separators, Locale.parse(file.stem, sep="-")))


def _separators(locale: "Locale") -> dict[str, str]:
    """Return how a language writes the signs in numbers: 1.234,5 for 1,234.5 and 50 % for 50%.

    This loads all that babel knows of the language, 4 MiB: the names of commands need none of it.
    """
    symbols, percent = locale.number_symbols["latn"], locale.percent_formats[None].suffix[0]
    separators = {".": str(symbols["decimal"]), ",": str(symbols["group"])}
    if percent:  # some languages write it in front, which no replacement of a sign does
        separators["%"] = percent
    return separators


class _Untranslated(gettext.NullTranslations):
    """Returns what a catalogue lacks in English, and logs each message once."""

    def __init__(self, catalogue: str) -> None:
        super().__init__()
        self._catalogue_name = catalogue
        self._reported: set[str] = set()

    def gettext(self, message: str) -> str:
        self._report(message)
        return message

    def ngettext(self, one: str, many: str, number: int) -> str:
        self._report(one)
        return super().ngettext(one, many, number)

    def pgettext(self, context: str, message: str) -> str:
        self._report(message)
        return super().pgettext(context, message)

    def _report(self, message: str) -> None:
        if message in self._reported or len(self._reported) >= _MOST_REPORTED:
            return
        self._reported.add(message)
        log.warning(
            "%s does not translate %r, so it is said in English; `herosmith languages missing %s` lists all",
            self._catalogue_name,
            message,
            Path(self._catalogue_name).stem,
        )
