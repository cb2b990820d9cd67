"""The lint rules for prompts and completions.

Most rules, their order and their thresholds are those of `fine_tunes.prepare_data`, a tool that OpenAI has
retired. Those of chat_rules, and all messages, are ours.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bot.dataset.files.affixes import common_suffix
from bot.dataset.lint import chat_rules
from bot.dataset.lint.examples import Heroes
from bot.dataset.lint.finding import (
    Finding,
    Severity,
    count_text,
    info,
    map_column,
    quoted,
)
from bot.dataset.lint.places import Places
from bot.dataset.lint.shape import Task, all_equal, common_beginning, task_of
from bot.dataset.reading.source import Format
from bot.dataset.versions.draft import MAX_CHARACTERS, RECOMMENDED_EXAMPLES

if TYPE_CHECKING:
    import pandas as pd

MAX_ENDING_LENGTH = 10  # characters
MAX_PROMPT_PREFIX_LENGTH = 12
MIN_COMPLETION_PREFIX_LENGTH = 5

COLUMNS = ["prompt", "completion"]

# Proposed ends of prompts and completions: the first that occurs in none of them, else the last.
SEPARATORS = (
    " ->",
    "\n\n###\n\n",
    "\n\n===\n\n",
    "\n\n---\n\n",
    "\n\n===>\n\n",
    "\n\n--->\n\n",
    "\n\n### =>\n\n",
)
ENDINGS = ("\n", ".", " END", "***", "+++", "&&&", "$$$", "@@@", "%%%", " [END]")

# what programs write into a cell without a value, or with a fault
_PLACEHOLDERS = frozenset(
    (
        *("n/a", "na", "<na>", "nan", "nat", "null", "none", "nil"),
        *("#n/a", "#na", "#name?", "#ref!", "#value!", "#div/0!", "#num!", "#null!"),
    )
)

_ASCII_UPPER, _ASCII_LOWER = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()


Rule = Callable[["pd.DataFrame"], Finding | None]
"""A check of all examples, which have the necessary fixes of earlier rules applied."""


def number_of_examples(frame: "pd.DataFrame") -> Finding:
    advice = (
        f" Fewer than {RECOMMENDED_EXAMPLES} teach little: a few hundred at least are better."
        if len(frame) < RECOMMENDED_EXAMPLES
        else ""
    )
    return info(f"There {_are(len(frame), 'example')}.{advice}")


def empty_completions(places: Places, frame: "pd.DataFrame") -> Finding | None:
    empty = frame.index[frame["completion"].str.strip() == ""]
    if empty.empty:
        return None
    if len(empty) == len(frame):
        return Finding(Severity.ERROR, "No example has a completion. Fill the column.")
    count = count_text(len(empty), "example")
    return Finding(
        Severity.NECESSARY,
        f"{count} without a completion: {places.names(empty)}.",
        f"Drop {count} without a completion",
        lambda data: data.drop(empty),
        places=places.names(empty),
    )


def task(frame: "pd.DataFrame") -> Finding | None:
    """Say what a model learns from examples that are no questions with an answer each."""
    match task_of(frame):
        case Task.OPEN:
            return info("No example has a prompt: a model learns to write such texts, whatever it is asked.")
        case Task.CLASSIFICATION:
            return info(
                "The same completions come again and again: a model learns to sort prompts into these kinds, "
                "for which a small one is enough."
            )
    return None


def placeholders(places: Places, frame: "pd.DataFrame") -> Finding | None:
    """Name the completions that are what programs write into a cell without a value."""
    found = frame.index[frame["completion"].str.strip().str.casefold().isin(_PLACEHOLDERS)]
    if found.empty:
        return None
    written = ", ".join(dict.fromkeys(quoted(text.strip()) for text in frame["completion"].loc[found[:5]]))
    return info(
        f"{count_text(len(found), 'completion')} that may stand for an empty cell ({written}): "
        f"{places.names(found)}. A model learns to answer so: fill them in or drop them if it should not."
    )


def duplicates(places: Places, frame: "pd.DataFrame") -> Finding | None:
    repeated = frame.index[frame.duplicated(COLUMNS)]
    if repeated.empty:
        return None
    return Finding(
        Severity.OPTIONAL,
        f"{count_text(len(repeated), 'example')} repeating an earlier one: {places.names(repeated)}.",
        f"Drop {count_text(len(repeated), 'duplicate')}",
        lambda data: data.drop(repeated, errors="ignore"),
        places=places.names(repeated),
    )


def long_examples(places: Places, frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is Task.OPEN:
        return None
    long = frame.index[frame["prompt"].str.len() + frame["completion"].str.len() > MAX_CHARACTERS]
    if long.empty:
        return None
    count = count_text(len(long), "example")
    return Finding(
        Severity.OPTIONAL,
        f"{count} of more than {MAX_CHARACTERS:,} characters: {places.names(long)}.",
        f"Drop {count} of more than {MAX_CHARACTERS:,} characters",
        lambda data: data.drop(long, errors="ignore"),
        places=places.names(long),
    )


def upper_case(column: str, frame: "pd.DataFrame") -> Finding | None:
    upper, lower = _count_cases(frame[column])
    if upper * 2 <= lower:
        return None
    return Finding(
        Severity.OPTIONAL,
        f"More than a third of the letters in the {column}s are capitals, of which models make less.",
        f"Write all {column}s in lower case",
        lambda data: map_column(data, column, str.lower),
        style=True,
    )


def identical_prompts(frame: "pd.DataFrame") -> Finding | None:
    if len(frame) == 1 or task_of(frame) is Task.OPEN or not all_equal(frame["prompt"]):
        return None
    return Finding(
        Severity.ERROR,
        f"All prompts are identical: {quoted(frame['prompt'].iloc[0])}. "
        "Let them differ, or leave them all empty if the texts answer nothing.",
    )


def separator(frame: "pd.DataFrame") -> Finding | None:
    """Check that all prompts end with the same text, which tells the model where the prompt ends."""
    if task_of(frame) is Task.OPEN:
        return None
    common = common_suffix(frame["prompt"])
    if common:
        return _shared_suffix("prompt", common, frame)
    multiline = frame["prompt"].str.contains("\n", regex=False).any()  # an arrow would go unnoticed there
    return _missing_suffix("prompt", "separator", SEPARATORS[1:] if multiline else SEPARATORS, frame)


def prompt_prefix(frame: "pd.DataFrame") -> Finding | None:
    common = _beginning(frame["prompt"])
    if not common:
        return None
    message = f"All prompts begin with {quoted(common)}."
    if len(common) <= MAX_PROMPT_PREFIX_LENGTH:
        return info(message)
    return Finding(
        Severity.OPTIONAL,
        f"{message} A trained model needs no instruction that is always the same.",
        "Take that beginning from all prompts",
        lambda data: map_column(data, "prompt", partial(_without_prefix, common)),
        style=True,
    )


def completion_prefix(frame: "pd.DataFrame") -> Finding | None:
    common = _beginning(frame["completion"])
    if len(common) < MIN_COMPLETION_PREFIX_LENGTH or all_equal(frame["completion"]):
        return None
    space = " " if common.startswith(" ") else ""
    return Finding(
        Severity.OPTIONAL,
        f"All completions begin with {quoted(common)}. Most of that teaches nothing.",
        "Take that beginning from all completions" + (", but for one space" if space else ""),
        lambda data: map_column(data, "completion", lambda text: space + _without_prefix(common, text)),
        style=True,
    )


def identical_completions(frame: "pd.DataFrame") -> Finding | None:
    if len(frame) == 1 or task_of(frame) is not Task.CONDITIONAL or not all_equal(frame["completion"]):
        return None
    return Finding(
        Severity.ERROR,
        f"All completions are identical: {quoted(frame['completion'].iloc[0])}. "
        "A model learns nothing from them: let them differ.",
    )


def ending(frame: "pd.DataFrame") -> Finding | None:
    """Check that all completions end with the same text, which serves as the stop sequence."""
    if task_of(frame) is not Task.CONDITIONAL:
        return None
    common = common_suffix(frame["completion"])
    if common:
        return _shared_suffix("completion", common, frame)
    return _missing_suffix("completion", "ending", ENDINGS, frame)


def leading_space(frame: "pd.DataFrame") -> Finding | None:
    """Check that completions begin with a space: most models have one token for a space and its word."""
    if frame["completion"].str.startswith(" ").all():
        return None
    return Finding(
        Severity.OPTIONAL,
        "Completions do not all begin with a space, as models like words best.",
        "Begin all completions with a space",
        lambda data: map_column(
            data, "completion", lambda text: text if text.startswith(" ") else f" {text}"
        ),
    )


def rules_for(heroes: Heroes, places: Places, target: Format) -> Iterator[Rule]:
    """Yield the rules for a target format, chats or pairs, in their order."""
    chats, of_heroes = target is Format.CHAT, heroes.are_most
    yield number_of_examples
    if of_heroes:
        yield partial(chat_rules.refused_heroes, heroes, places)
        yield partial(chat_rules.system_turns, "/hero asks without one")
    elif not chats:
        yield partial(chat_rules.system_turns, "pairs have none")
    if chats:
        yield (
            partial(chat_rules.hero_prompts, heroes, places)
            if of_heroes
            else partial(chat_rules.shared_affixes, "prompt")
        )
        yield partial(chat_rules.shared_affixes, "completion")
    yield from (partial(chat_rules.control_tokens, places), partial(empty_completions, places))
    yield partial(placeholders, places)
    if chats:
        yield partial(chat_rules.empty_prompts, places)
    yield from (task, partial(duplicates, places), partial(long_examples, places))
    if not of_heroes:
        yield partial(upper_case, "prompt")
    yield from (partial(upper_case, "completion"), identical_prompts)
    if not chats:
        yield separator
    if not of_heroes:
        yield prompt_prefix
    yield from (completion_prefix, identical_completions)
    if not chats:
        yield from (ending, leading_space)


def _count_cases(texts: "pd.Series[str]") -> tuple[int, int]:
    """Return the numbers of capital and of small letters."""
    letters = Counter[str]()
    upper = lower = 0
    for text in texts:
        if text.isascii():  # counting them one by one takes thirty times as long
            data = text.encode()
            upper += len(data) - len(data.translate(None, _ASCII_UPPER))
            lower += len(data) - len(data.translate(None, _ASCII_LOWER))
        else:
            letters.update(text)
    upper += sum(count for letter, count in letters.items() if letter.isalpha() and letter.isupper())
    lower += sum(count for letter, count in letters.items() if letter.isalpha() and letter.islower())
    return upper, lower


def _beginning(texts: "pd.Series[str]") -> str:
    """Return what all texts begin with, up to a word's end. Empty if a text is nothing but that."""
    common = common_beginning(texts)
    return common if all(text[len(common) :].strip() for text in texts) else ""


def _shared_suffix(column: str, common: str, frame: "pd.DataFrame") -> Finding:
    message = f"All {column}s end with {quoted(common)}."
    if len(common) > MAX_ENDING_LENGTH:
        message += " That is very long: a shorter ending does."
    if frame[column].str.slice(stop=-len(common)).str.contains(common, regex=False).any():
        message += (
            f" Warning: some {column}s have it in their midst as well. Choose one that occurs nowhere else."
        )
    return info(message)


def _missing_suffix(column: str, name: str, candidates: tuple[str, ...], frame: "pd.DataFrame") -> Finding:
    *preferred, last = candidates
    unused = (text for text in preferred if not frame[column].str.contains(text, regex=False).any())
    chosen = next(unused, last)
    return Finding(
        Severity.OPTIONAL,
        f"The {column}s have no common {name}, so that a model cannot tell where they end.",
        f"End all {column}s with the {name} {chosen!r}",
        lambda data: map_column(data, column, lambda text: text + chosen),
    )


def _without_prefix(prefix: str, text: str) -> str:
    """Remove the prefix, which an earlier fix may have written in lower case."""
    return text.removeprefix(prefix if text.startswith(prefix) else prefix.lower())


def _are(number: int, noun: str) -> str:
    return f"{'is' if number == 1 else 'are'} {count_text(number, noun)}"
