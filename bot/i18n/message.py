"""Messages to people, and their translation by gettext catalogues; English is in the code."""

import gettext
import string
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, Self

from bot.i18n.commands import Command, CommandSyntax, discord_syntax


def mark(sentence: str) -> str:
    """Mark a sentence for the catalogues that is translated elsewhere, as gettext's N_ does."""
    return sentence


class LocalizedMessage:
    """A message that is translated later, when its reader's language is known.

    The English template is the key of the catalogues. Its {fields} are numbers, words, other messages, or
    lists of these, which are joined with commas. A field such as {/finetune} or {/finetune dataset:{version}}
    is a command of ours, which each surface writes in its own way (bot/i18n/commands.py). many is the
    template for numbers other than one, if the message is counted. str() is English, for the log.
    """

    __slots__ = ("fields", "many", "template")

    def __init__(self, template: str, /, **fields: object) -> None:
        self.template = template
        self.fields = fields
        self.many: str | None = None

    @classmethod
    def counted(cls, one: str, many: str, number: int, /, **fields: object) -> Self:
        """Return a message with plural forms: two in English; {number} is the number."""
        message = cls(one, number=number, **fields)
        message.many = many
        return message

    @classmethod
    def from_json(cls, stored: Any) -> Self:
        """Return a message from to_json(), or from a bare text, as older versions stored them."""
        if isinstance(stored, str):
            return cls(stored)
        message = cls(
            stored["say"],
            **{name: _field_from_json(value) for name, value in stored.get("fields", {}).items()},
        )
        message.many = stored.get("many")
        return message

    def to_json(self) -> dict[str, Any]:
        """Return what from_json() takes. A field of another type is stored as its str()."""
        stored: dict[str, Any] = {"say": self.template}
        if self.many is not None:
            stored["many"] = self.many
        if self.fields:
            stored["fields"] = {name: _field_to_json(value) for name, value in self.fields.items()}
        return stored

    def __str__(self) -> str:
        return ENGLISH(self)

    def __repr__(self) -> str:
        return f"LocalizedMessage({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LocalizedMessage) and self.to_json() == other.to_json()

    def __hash__(self) -> int:
        return hash(self.template)


def _field_to_json(value: object) -> Any:
    if isinstance(value, LocalizedMessage):
        return value.to_json()
    if isinstance(value, (list, tuple)):
        return [_field_to_json(item) for item in value]
    return value if value is None or isinstance(value, (int, float, str)) else str(value)


def _field_from_json(stored: Any) -> object:
    if isinstance(stored, dict):
        return LocalizedMessage.from_json(stored)
    return [_field_from_json(item) for item in stored] if isinstance(stored, list) else stored


class Translator:
    """Translates messages into one language: `t("...")`."""

    def __init__(
        self,
        code: str,
        catalogue: gettext.NullTranslations,
        separators: Callable[[], Mapping[str, str]] = dict,
        *,
        syntax: CommandSyntax = discord_syntax,
    ) -> None:
        """Take what finds the language's signs in numbers by the English ones, and how commands are written.

        separators is called when the first number is said.
        """
        self.code = code
        self._catalogue = catalogue
        self._formatter = _FieldFormatter(self, separators, syntax)

    def __call__(self, message: str | LocalizedMessage, /, **fields: object) -> str:
        """Translate a message; it stays English if the catalogue lacks it."""
        if isinstance(message, str):
            message = LocalizedMessage(message, **fields)
        template, many = message.template, message.many
        if many is not None:
            number = message.fields["number"]
            translated = self._catalogue.ngettext(template, many, number if isinstance(number, int) else 0)
        else:
            # the translation of "" would be the catalogue's header
            translated = self._catalogue.gettext(template) if template else ""
        if message.fields:
            return self._formatter.vformat(translated, (), message.fields)
        # without fields it may be foreign text: a server's, or one that an older version stored
        return self._formatter.fill_commands(translated) if "{/" in translated else translated

    def command_name(self, command: str) -> str:
        """Translate the name of a command or an option."""
        return self._catalogue.pgettext("name", command)

    def count(self, one: str, many: str, number: int, /, **fields: object) -> str:
        """Translate a counted message."""
        return self(LocalizedMessage.counted(one, many, number, **fields))


class _FieldFormatter(string.Formatter):
    """Formats fields as str.format() does, but translates messages, lists, and the signs in numbers."""

    def __init__(
        self, t: Translator, separators: Callable[[], Mapping[str, str]], syntax: CommandSyntax
    ) -> None:
        self._t = t
        self._find_separators = separators
        self._syntax = syntax

    @cached_property
    def _separators(self) -> dict[int, str]:
        return str.maketrans(dict(self._find_separators()))

    def fill_commands(self, text: str) -> str:
        """Return a text that has no fields but commands; as it is, if that is not so."""
        try:
            return self.vformat(text, (), {})
        except (IndexError, KeyError, ValueError):
            return text

    def get_field(self, field_name: str, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
        if field_name.startswith("/"):
            return Command(field_name), field_name
        return super().get_field(field_name, args, kwargs)

    def format_field(self, value: Any, format_spec: str) -> str:
        if isinstance(value, Command):
            return self._syntax(value.with_value(format_spec), self._t.command_name)
        if isinstance(value, LocalizedMessage):
            return self._t(value)
        if isinstance(value, (list, tuple)):
            return ", ".join(self.format_field(item, format_spec) for item in value)
        text = str(super().format_field(value, format_spec))
        return text.translate(self._separators) if isinstance(value, (int, float)) else text


ENGLISH = Translator("en", gettext.NullTranslations())
