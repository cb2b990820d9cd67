"""JSON and JSON Lines: objects as records."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

from bot.dataset.reading.chat import from_sharegpt, is_blank, is_turns, read_chat
from bot.dataset.reading.columns import KNOWN_COLUMNS, quoted, read_names
from bot.dataset.reading.encoding import Text
from bot.dataset.reading.json_values import Located, Number, read_lines, read_values
from bot.dataset.reading.source import Format, Record
from bot.dataset.reading.survey import Reading, Unfit
from bot.dataset.reading.wrapper import unwrap
from bot.errors import UserError

_EXPECTED = 'Write objects such as {"prompt": ..., "completion": ...} or {"messages": [...]}.'
_TEXT = frozenset({str})
_TRAINED = {"prompt", "completion", "messages"}
_MOST_DEVIATIONS = 20  # sentences; one shows that the file must be written anew
_JSONL_SUFFIXES = {".jsonl", ".ndjson"}

Values = Callable[[], Iterator[Located]]


def json_readings(text: Text) -> list[Callable[[], Reading]]:
    """Return the ways in which a JSON file may be meant, the likeliest first."""
    wrapped = _unwrapped(text)
    if wrapped is not None:
        return [lambda: wrapped]
    whole, lines = partial(_whole_file, text), partial(_lines, text)
    return [lines, whole] if _has_lines(text) else [whole]


def _lines(text: Text) -> Reading:
    def values() -> Iterator[Located]:
        with text.open() as stream:
            yield from read_lines(stream, text.name)

    reading = Objects(text.name, values, lines=True).reading
    reading.deviations += text.deviations
    suffix = text.content.suffix
    if suffix not in _JSONL_SUFFIXES:
        reading.notes.append("The file holds one JSON object a line, whatever its name says.")
        reading.deviations.append("Its name does not end in .jsonl.")
    if text.content.packed:
        reading.deviations.append("It is packed.")
    return reading


def _whole_file(text: Text) -> Reading:
    def values() -> Iterator[Located]:
        with text.open() as stream:
            yield from read_values(stream, text.name)

    reading = Objects(text.name, values).reading
    if text.content.suffix in _JSONL_SUFFIXES:
        reading.notes.append("The file is named JSONL, and does not hold one JSON object a line.")
    return reading


def _has_lines(text: Text) -> bool:
    """Return whether the first line with something on it is an object of its own."""
    with text.open() as stream:
        try:
            return isinstance(next(read_lines(stream, text.name), (0, None))[1], dict)
        except UserError:
            return False


def _unwrapped(text: Text) -> Reading | None:
    """Return the reading of a file that is one object with the examples inside; None for another."""
    with text.open() as stream:
        try:
            values = list(islice(read_values(stream, text.name), 2))
        except UserError:
            return None
    if len(values) != 1 or not isinstance(values[0][1], dict):
        return None
    found = unwrap(values[0][1], text.name)
    if found is None:
        return None
    items, note = found
    reading = Objects(text.name, lambda: ((0, item) for item in items)).reading
    reading.notes.append(note)
    return reading


class Objects:
    """Reads objects, and notes what they have in common."""

    def __init__(self, name: str, values: Values, *, lines: bool = False) -> None:
        self._name = name
        self._values = values
        self._lines = lines
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}  # as written: as read
        self._plain: set[tuple[str, ...]] = set()  # keys of objects that are cells as they are
        self._columns: dict[str, None] = {}
        self.reading = Reading(name, Format.PAIRS if lines else Format.JSON, self._rows)

    def _rows(self) -> Iterator[Record]:
        chats = number = 0
        for number, (line, item) in enumerate(self._values(), 1):
            location = f"Example {number} of {self._name}" + (f" (line {line})" if line else "")
            cells, chat = self._read(item, location)
            chats += chat
            yield Record(number, location, cells, line)
        if self._lines:
            self.reading.format = {0: Format.PAIRS, number: Format.CHAT}.get(chats, Format.MIXED)

    def _read(self, item: Any, location: str) -> tuple[dict[str, str], bool]:
        """Return the cells of an object, and whether it is a conversation."""
        if type(item) is not dict:
            raise Unfit(f"{location} is {_kind(item)}, and no object. {_EXPECTED}")
        keys = tuple(item)
        if keys in self._plain and _TEXT.issuperset(map(type, item.values())):
            return item, False  # the most frequent case needs no more
        names = self._names_of(keys, location)
        values = dict(item) if names == keys else dict(zip(names, item.values(), strict=True))
        messages = self._messages(values)
        cells = {}
        if messages is not None:
            chat = read_chat(messages, location)
            cells = {"prompt": chat.prompt, "completion": chat.completion}
            if chat.system is not None:
                cells["system"] = chat.system
            self._deviates(chat.deviation)
            surplus = next((name for name, value in values.items() if not is_blank(value)), None)
            self._deviates(surplus and f"{location} has {quoted(surplus)} beside its messages.")
        for name, value in values.items():
            if type(value) is str and name:
                cells[name] = value
            elif name:
                self._add_other(cells, name, value, location)
        if not cells.keys() <= self._columns.keys():
            self._columns.update(dict.fromkeys(cells))
            self.reading.columns = list(self._columns)
        if tuple(cells) == keys:
            self._plain.add(keys)
        return cells, messages is not None

    def _names_of(self, keys: tuple[str, ...], location: str) -> tuple[str, ...]:
        names = self._names.get(keys)
        if names is None:
            names = self._names[keys] = read_names(keys, location)
            if any(name in _TRAINED and name not in keys for name in names):
                self._deviates("Its keys are not written as prompt, completion or messages.")
        return names

    def _add_other(self, cells: dict[str, str], name: str, value: Any, location: str) -> None:
        """Add a value that is no text. Numbers stay as they are written, null becomes the empty text."""
        if isinstance(value, (dict, list)):
            if name in KNOWN_COLUMNS:
                raise UserError(f"{location} has {_kind(value)} as its {name}: write a text.")
            self.reading.notes.append(f"The lists and objects under {quoted(name)} are not read.")
            return
        cells[name] = _text(value)
        if name in _TRAINED:
            self._deviates(f"{location} has {_kind(value)} as its {name}.")

    def _messages(self, values: dict[str, Any]) -> Any:
        """Take the turns of a conversation out of the values; None if it is none."""
        if "messages" in values:
            return values.pop("messages")
        messages = None
        if is_turns(values.get("prompt")) and is_turns(values.get("completion")):  # the conversations of trl
            messages = values.pop("prompt") + values.pop("completion")
        elif is_turns(turns := from_sharegpt(values.get("conversations"))):
            messages = turns
            del values["conversations"]
        if messages is not None:
            self._deviates("Its conversations are not written as messages.")
        return messages

    def _deviates(self, sentence: str | None) -> None:
        if sentence and len(self.reading.deviations) < _MOST_DEVIATIONS:
            self.reading.deviations.append(sentence)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case Number():
            return f"the number {value:.20}"
        case str():
            return f"the text {quoted(value)}"
        case list():
            return "a list"
    return "an object"
