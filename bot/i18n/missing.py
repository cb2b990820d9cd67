"""Compare a catalogue with the texts that it must translate, or begin a new one with them."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from babel import Locale, UnknownLocaleError
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po

from bot.i18n.extraction import Key
from bot.i18n.message import ENGLISH

_HEADER = (
    "# The English sentence is the key. {Fields} stay as they are; docs/development.md has the other rules."
)
_CODE = re.compile(r"[a-z]{2,3}(?:-[A-Z]{2}|-\d{3})?")  # as Discord names its languages: it asks by these
NAME = "name"  # the context of names of commands and options in a catalogue


@dataclass(frozen=True)
class Texts:
    """Everything that a complete catalogue translates; messages have their places in the source."""

    messages: dict[Key, str]
    names: frozenset[str]
    descriptions: frozenset[str]

    def __len__(self) -> int:
        return len(self.messages) + len(self.names) + len(self.descriptions)


class Missing(NamedTuple):
    """A text that a catalogue does not translate; place is `file:line`, or what kind of text it is."""

    place: str
    text: str


def read_catalogue(file: Path) -> Catalog:
    with file.open("rb") as source:
        return read_po(source)


def empty_catalogue(code: str, texts: Texts) -> Catalog:
    """Return a catalogue in which nothing is translated yet, for write_po() with width=0, below header().

    Raises ValueError if no language that is to be translated has this code.
    """
    if not _CODE.fullmatch(code) or code == ENGLISH.code:
        raise ValueError("write a language as Discord does, such as it or pt-BR; English needs no catalogue")
    try:
        catalogue = Catalog(Locale.parse(code, sep="-"), fuzzy=False)
    except UnknownLocaleError as error:
        raise ValueError(str(error)) from error
    for text in sorted(texts.names):
        catalogue.add(text, context=NAME)
    for text in sorted(texts.descriptions):
        catalogue.add(text)
    for key, place in texts.messages.items():
        source, _, line = place.rpartition(":")
        catalogue.add(key, locations=[(source, int(line))])
    return catalogue


def header(catalogue: Catalog) -> str:
    """Return the head of a new catalogue's file: Babel's own has fields that nobody here would fill in."""
    fields = (
        f"Language: {catalogue.locale_identifier}",
        f"Plural-Forms: {catalogue.plural_forms}",
        "Content-Type: text/plain; charset=utf-8",
    )
    lines = (f'"{field}\\n"' for field in fields)
    return "\n".join((_HEADER, 'msgid ""', 'msgstr ""', *lines, "", ""))


def translations(catalogue: Catalog, key: Key, context: str | None = None) -> list[str]:
    """Return the forms of a message in a catalogue; an empty list if one is missing or fuzzy."""
    message = catalogue.get(_first(key), context)
    if message is None or message.fuzzy:
        return []
    forms = [message.string] if isinstance(message.string, str) else list(message.string or ())
    return [] if "" in forms else forms


def missing(catalogue: Catalog, texts: Texts) -> list[Missing]:
    """Return the texts that a catalogue does not translate."""
    lacking = [
        Missing(place, _first(key))
        for key, place in texts.messages.items()
        if not translations(catalogue, key)
    ]
    lacking += [
        Missing("name of a command or option", text)
        for text in sorted(texts.names)
        if not translations(catalogue, text, NAME)
    ]
    lacking += [
        Missing("description", text)
        for text in sorted(texts.descriptions)
        if not translations(catalogue, text)
    ]
    return lacking


def unused(catalogue: Catalog, texts: Texts) -> list[str]:
    """Return the entries of a catalogue that no text uses any more."""
    used = {_first(key) for key in texts.messages} | texts.names | texts.descriptions
    return [text for message in catalogue if message.id and (text := _first(message.id)) not in used]


def _first(key: Any) -> str:
    return str(key if isinstance(key, str) else key[0])
