"""The first dataset: texts that come with the product, so that a first model is tuned without a build."""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Literal, TypedDict, get_args

import pydantic.dataclasses
from pydantic import TypeAdapter, ValidationError

from bot.chat import CONTROL_TOKEN, Message
from bot.errors import NotUnderstood, UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.i18n.message import LocalizedMessage

Origin = Literal["herosmith-build", "hand-written"]
"""Who wrote a text: the packaged model in a build, or a person."""

ORIGINS: tuple[Origin, ...] = get_args(Origin)
EXAMPLE = '{"age": 40, "gender": "woman", "power": "healing", "text": "...", "origin": "hand-written"}'

_HELD_OUT_BELOW = 0.1  # of the range of hashes: about a tenth of the heroes
_SHOWN_FAULTS = 5
_MOST_CHARACTERS = 10_000  # datasets drop longer texts


@dataclass(frozen=True, slots=True)
class FirstText:
    """A text of the first dataset. held_out: it measures models, and never trains one."""

    hero: Hero
    text: str
    origin: Origin
    held_out: bool


class ChatExample(TypedDict):
    """A line of a training file: the tuning prompt, and the text as its answer."""

    messages: list[Message]


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config={"extra": "forbid", "strict": True})
class _Line(Hero):
    """One line of the file."""

    text: str = field(kw_only=True)
    origin: Origin = field(kw_only=True)

    @property
    def hero(self) -> Hero:
        return Hero(**self.as_dict())


_parse_line = TypeAdapter(_Line).validate_json


class FirstDataset:
    """Reads the file: one JSON object a line, such as EXAMPLE.

    A hero's hash decides whether it is held out: adding, changing or dropping other lines never moves a text
    from one side to the other.
    """

    def __init__(self, path: Path, heroes: HeroesConfig, blocklist: Blocklist) -> None:
        self._path = path
        self._prompts = heroes.prompts
        self._vocabulary = heroes.vocabulary
        self._blocklist = blocklist

    @property
    def file(self) -> str:
        """The file's name, for people."""
        return self._path.name

    def read(self) -> list[FirstText]:
        """Return all texts. Raises UserError that names the first lines with mistakes, and their cures.

        Every hero must be one that /hero takes here, of any power. Curation judges none of the texts: those
        that are shipped have passed it. It blocks for half a second, so call it in a thread.
        """
        faults = _Faults(self.file)
        lines: list[tuple[_Line, Hero]] = []
        numbers: dict[str, int] = {}  # of the lines, by the words of their texts
        is_blocked = cache(self._blocklist.blocks)  # powers return, and each takes a millisecond
        for number, line in self._lines(faults):
            try:
                lines.append((line, self._hero(line, is_blocked)))
                _check_text(line.text)
                _check_new(line.text, number, numbers)
            except NotUnderstood as error:
                faults.add(number, error.message)
        faults.check()
        held_out = _held_out([line.hero for line, _ in lines])
        return [FirstText(hero, line.text, line.origin, line.hero in held_out) for line, hero in lines]

    def held_out_examples(self) -> list[ChatExample]:
        """Return the texts that no dataset of this installation trains on, as lines of a training file.

        They are the same for every installation and for good, as long as the file is as it was shipped:
        limits, vocabulary and blocklist do not change them. Raises UserError if a line cannot be read or
        has a text that no server takes.
        """
        faults = _Faults(self.file)
        lines: list[_Line] = []
        for number, line in self._lines(faults):
            try:
                _check_text(line.text)
                lines.append(line)
            except NotUnderstood as error:
                faults.add(number, error.message)
        faults.check()
        held_out = _held_out([line.hero for line in lines])
        return [self._example(line) for line in lines if line.hero in held_out]

    def _lines(self, faults: "_Faults") -> Iterator[tuple[int, _Line]]:
        """Yield the lines that hold all fields, with their numbers from 1 on; blank lines are passed over."""
        # not splitlines(): it would also split at marks within a text, such as U+2028
        for number, line in enumerate(self._content().split("\n"), 1):
            if line.strip():
                try:
                    yield number, _parse_line(line)
                except ValidationError as error:
                    faults.add(number, _shape_fault(error))

    def _content(self) -> str:
        try:
            return self._path.read_text("utf-8-sig")
        except FileNotFoundError as error:
            raise UserError(
                "{file} is not there. Take it from the release, put it beside heroes.toml and try again.",
                file=self.file,
            ) from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                "{file} cannot be read as UTF-8 text: save it so, let the bot read it, and try again.",
                file=self.file,
            ) from error

    def _hero(self, line: _Line, is_blocked: Callable[[str], bool]) -> Hero:
        """Return a line's hero as /hero asks for it. Raises UserError, with the cure, if it does not."""
        genders = self._vocabulary.genders
        if line.gender not in genders:
            raise NotUnderstood(
                "The gender {word!r} is not known: write {known}.", word=line.gender, known="/".join(genders)
            )
        hero = self._vocabulary.hero(*map(str, line.as_dict().values()))
        if is_blocked(hero.power):
            raise NotUnderstood("Its power is on the blocklist: choose another, or allow it in blocked.txt.")
        return hero

    def _example(self, line: _Line) -> ChatExample:
        return {
            "messages": [
                {"role": "user", "content": self._prompts.tuning_prompt(line.hero)},
                {"role": "assistant", "content": line.text},
            ]
        }


class _Faults:
    """Collects the lines with mistakes: all are counted, the first are named."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._faults: list[tuple[int, LocalizedMessage]] = []

    def add(self, number: int, fault: LocalizedMessage) -> None:
        self._faults.append((number, fault))

    def check(self) -> None:
        """Raise UserError if there are any."""
        if not self._faults:
            return
        message = LocalizedMessage.counted(
            "{number:,} line of {file} has a mistake, so nothing of it is taken. Mend or delete it, then try "
            "again:",
            "{number:,} lines of {file} have mistakes, so nothing of it is taken. Mend or delete them, then "
            "try again:",
            len(self._faults),
            file=self._file,
        )
        for number, fault in sorted(self._faults, key=lambda each: each[0])[:_SHOWN_FAULTS]:
            message = LocalizedMessage(
                "{before}\n- Line {line}: {fault}", before=message, line=number, fault=fault
            )
        if (more := len(self._faults) - _SHOWN_FAULTS) > 0:
            message = LocalizedMessage("{before}\n- and {more:,} more", before=message, more=more)
        raise UserError(message)


def _shape_fault(error: ValidationError) -> LocalizedMessage:
    """Return what is wrong with the form of a line: JSON, its fields, and their types."""
    faults = error.errors(include_url=False)
    missing = [str(fault["loc"][0]) for fault in faults if fault["type"] == "missing"]
    unknown = [str(fault["loc"][0]) for fault in faults if fault["type"] == "unexpected_keyword_argument"]
    name = str(next((fault["loc"][0] for fault in faults if fault["loc"]), ""))
    if missing:
        return LocalizedMessage("It lacks {fields}. A line is {example}", fields=missing, example=EXAMPLE)
    if unknown:
        return LocalizedMessage("No text has the field {fields}: leave it out.", fields=unknown)
    match name:
        case "age":
            return LocalizedMessage("The age must be a whole number, without quotation marks: 40.")
        case "origin":
            return LocalizedMessage("The origin must be one of {origins}.", origins=list(ORIGINS))
        case "":
            return LocalizedMessage("It is not a JSON object. A line is {example}", example=EXAMPLE)
    return LocalizedMessage("The {field} must be text in quotation marks.", field=name)


def _check_text(text: str) -> None:
    """Raise NotUnderstood, with the cure, if a text may not train."""
    if not text.strip():
        raise NotUnderstood("The text is empty: write one.")
    if found := CONTROL_TOKEN.search(text):
        raise NotUnderstood("{token} ends a turn of a chat: take it out of the text.", token=found[0])
    if len(text) > _MOST_CHARACTERS:
        raise NotUnderstood(
            "The text has {number:,} characters; at most {most:,} fit. Shorten it.",
            number=len(text),
            most=_MOST_CHARACTERS,
        )
    if "\0" in text:
        raise NotUnderstood("The text holds a NUL byte: take it out.")


def _check_new(text: str, number: int, numbers: dict[str, int]) -> None:
    """Raise NotUnderstood if an earlier line has the text; remember its number otherwise."""
    if (first := numbers.setdefault(_words(text), number)) != number:
        raise NotUnderstood("It has the text of line {line}.", line=first)


def _words(text: str) -> str:
    """Return a text's words, in the form in which a dataset takes two texts for the same."""
    return " ".join(re.findall(r"\w+", text.lower()))


def _held_out(heroes: Sequence[Hero]) -> set[Hero]:
    """Return the heroes with the lowest hashes: those below the threshold, one at least."""
    below = {hero for hero in heroes if _hash(hero) < _HELD_OUT_BELOW}
    return below or {min(heroes, key=_hash)} if heroes else set()


def _hash(hero: Hero) -> float:
    """Return a number from 0 to 1 that depends only on the hero, on every machine."""
    return int.from_bytes(hashlib.sha256(hero.typed.encode()).digest()[:8]) / 2**64
