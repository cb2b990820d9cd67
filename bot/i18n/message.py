"""Language: what people read, in theirs. English stands in the code; the others are gettext catalogues."""

import gettext
import string
from collections.abc import Mapping
from typing import Any, Self


def mark(sentence: str) -> str:
    """Mark a sentence that is said elsewhere, for whoever gathers sentences for the catalogues."""
    return sentence


class LocalizedMessage:
    """What people are to be told, before it is known in which language they read it.

    The English {template} is the catalogues' key; its fields are filled in afterwards: numbers, words, other
    sentences, or lists of these, told with commas. Of counted ones `many` is the template for all numbers but
    one. str() is English, for terminal and log.
    """

    __slots__ = ("fields", "many", "template")

    def __init__(self, template: str, /, **fields: object) -> None:
        self.template = template
        self.fields = fields
        self.many: str | None = None

    @classmethod
    def counted(cls, one: str, many: str, number: int, /, **fields: object) -> Self:
        """One of two English templates, or of as many as a language has; {number} is the number."""
        sentence = cls(one, number=number, **fields)
        sentence.many = many
        return sentence

    @classmethod
    def from_json(cls, kept: Any) -> Self:
        """A sentence as it was kept; a bare text, as older versions kept them, stands for itself."""
        if isinstance(kept, str):
            return cls(kept)
        sentence = cls(kept["say"], **{name: _field(value) for name, value in kept.get("fields", {}).items()})
        sentence.many = kept.get("many")
        return sentence

    def to_json(self) -> dict[str, Any]:
        """What from_json() takes. A field that JSON does not know is kept as its text."""
        kept: dict[str, Any] = {"say": self.template}
        if self.many is not None:
            kept["many"] = self.many
        if self.fields:
            kept["fields"] = {name: _kept(value) for name, value in self.fields.items()}
        return kept

    def __str__(self) -> str:
        return ENGLISH(self)

    def __repr__(self) -> str:
        return f"Sentence({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalizedMessage) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.template)


def _kept(value: object) -> Any:
    if isinstance(value, LocalizedMessage):
        return value.to_json()
    if isinstance(value, (list, tuple)):
        return [_kept(each) for each in value]
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def _field(kept: Any) -> object:
    if isinstance(kept, dict):
        return LocalizedMessage.from_json(kept)
    return [_field(each) for each in kept] if isinstance(kept, list) else kept


class Translator:
    """Says sentences in one language."""

    def __init__(
        self, code: str, catalogue: gettext.NullTranslations, points: Mapping[str, str] | None = None
    ) -> None:
        """Points are its own marks in numbers, for the English ones."""
        self.code = code
        self._catalogue = catalogue
        self._filler = _FieldFormatter(self, str.maketrans(dict(points or {})))

    def __call__(self, sentence: str | LocalizedMessage, /, **fields: object) -> str:
        """The sentence in this language; in English where the catalogue lacks it."""
        if isinstance(sentence, str):
            sentence = LocalizedMessage(sentence, **fields)
        template, many = sentence.template, sentence.many
        if many is not None:
            number = sentence.fields["number"]
            said = self._catalogue.ngettext(template, many, number if isinstance(number, int) else 0)
        else:
            said = self._catalogue.gettext(template) if template else ""  # "" is a catalogue's own header
        return self._filler.vformat(said, (), sentence.fields) if sentence.fields else said

    def command_name(self, command: str) -> str:
        """What a command or an option is called in this language."""
        return self._catalogue.pgettext("name", command)

    def count(self, one: str, many: str, number: int, /, **fields: object) -> str:
        """Say a counted sentence."""
        return self(LocalizedMessage.counted(one, many, number, **fields))


class _FieldFormatter(string.Formatter):
    """Fills fields in as str.format() does, in a language: sentences, lists, and the points in numbers."""

    def __init__(self, t: Translator, points: dict[int, str]) -> None:
        self._t = t
        self._points = points

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, LocalizedMessage):
            return self._t(value)
        if isinstance(value, (list, tuple)):
            return ", ".join(self.format_field(each, format_spec) for each in value)
        said = str(super().format_field(value, format_spec))
        return said.translate(self._points) if isinstance(value, (int, float)) else said


ENGLISH = Translator("en", gettext.NullTranslations())
