"""The lint rules for prompts and completions.

Most rules, their order and their thresholds are those of `fine_tunes.prepare_data`, a tool that OpenAI has
retired. Those about chats and heroes, and all messages, are ours.
"""

import string
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from bot.dataset.files.affixes import SharedAffixes, common_suffix
from bot.dataset.files.hero_rows import CONTROL_TOKEN
from bot.dataset.lint.examples import Heroes
from bot.dataset.lint.finding import Finding, Severity, info
from bot.dataset.lint.shape import Task, all_equal, common_beginning, task_of
from bot.dataset.reading.source import Format
from bot.dataset.versions.draft import MAX_CHARACTERS

if TYPE_CHECKING:
    import pandas as pd

RECOMMENDED_EXAMPLES = 100  # fewer get advice
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

_ASCII_UPPER, _ASCII_LOWER = string.ascii_uppercase.encode(), string.ascii_lowercase.encode()
_MAX_QUOTED_CHARACTERS = 60  # of a text, in a message
_MAX_LISTED_EXAMPLES = 5  # in a message


Rule = Callable[["pd.DataFrame"], Finding | None]
"""A check of all examples, which have the necessary fixes of earlier rules applied."""


def number_of_examples(frame: "pd.DataFrame") -> Finding:
    advice = (
        f" Fewer than {RECOMMENDED_EXAMPLES} teach little: a few hundred at least are better."
        if len(frame) < RECOMMENDED_EXAMPLES
        else ""
    )
    return info(f"There {_are(len(frame), 'example')}.{advice}")


def shared_affixes(column: str, frame: "pd.DataFrame") -> Finding | None:
    """Check for the marks of older formats: in a chat, roles say where prompts and completions end."""
    affixes = (SharedAffixes.of_prompts if column == "prompt" else SharedAffixes.of_texts)(frame[column])
    remove = affixes.remover()
    if remove is None:
        return None
    return Finding(
        Severity.NECESSARY,
        f"Every {column} {affixes.describe()}, which a chat does not need.",
        f"Take that off all {column}s",
        lambda data: _map_column(data, column, remove),
    )


def refused_heroes(heroes: Heroes, _frame: "pd.DataFrame") -> Finding | None:
    """Name the examples without a hero among those that have one: import refuses them."""
    refused = heroes.refused
    if refused.empty:
        return None
    reasons = "".join(f"\n   - {reason}" for reason in heroes.refusals)
    return info(
        f"{_count(len(refused), 'example')} without a hero that /hero takes: {_numbers(refused)}.{reasons}"
    )


def hero_prompts(heroes: Heroes, frame: "pd.DataFrame") -> Finding | None:
    """Check that each prompt is the very text that a tuned model is asked for its hero."""
    asked = heroes.prompts
    other = frame.index[(frame["prompt"] != asked) & (asked != "")]
    if other.empty:
        return None
    first = other[0]
    count = _count(len(other), "prompt")
    return Finding(
        Severity.NECESSARY,
        f"{count} in other words than /hero's: example {first + 1} has {_quoted(frame['prompt'].loc[first])} "
        f"for {_quoted(asked.loc[first])}.",
        f"Write {count} as /hero asks",
        lambda data: data.assign(prompt=data["prompt"].where(~data.index.isin(other), asked.loc[data.index])),
    )


def system_turns(reason: str, frame: "pd.DataFrame") -> Finding | None:
    if "system" not in frame:
        return None
    return Finding(
        Severity.NECESSARY,
        f"The conversations have a system turn: {reason}.",
        "Leave the system turns out",
        lambda data: data[COLUMNS],
    )


def control_tokens(frame: "pd.DataFrame") -> Finding | None:
    """Check for what chat templates put between turns: trainers refuse texts with it."""
    columns = list(frame)
    holds = frame[columns[0]].str.contains(CONTROL_TOKEN)
    for name in columns[1:]:
        holds |= frame[name].str.contains(CONTROL_TOKEN)
    found = frame.index[holds]
    if found.empty:
        return None
    row = frame.loc[found[0]]
    token = next(match[0] for text in row if (match := CONTROL_TOKEN.search(text)))
    return Finding(
        Severity.OPTIONAL,
        f"{_count(len(found), 'example')} with a control token such as {token}, which trainers refuse: "
        f"{_numbers(found)}.",
        f"Take the control tokens out of {_count(len(found), 'example')}",
        _without_control_tokens,
    )


def _without_control_tokens(frame: "pd.DataFrame") -> "pd.DataFrame":
    """Take them out, and drop what has no completion without them."""
    cleaned = frame.apply(lambda texts: texts.str.replace(CONTROL_TOKEN, "", regex=True))
    return cleaned[cleaned["completion"].str.strip() != ""]


def empty_completions(frame: "pd.DataFrame") -> Finding | None:
    empty = frame.index[frame["completion"].str.strip() == ""]
    if empty.empty:
        return None
    if len(empty) == len(frame):
        return Finding(Severity.ERROR, "No example has a completion. Fill the column.")
    count = _count(len(empty), "example")
    return Finding(
        Severity.NECESSARY,
        f"{count} without a completion: {_numbers(empty)}.",
        f"Drop {count} without a completion",
        lambda data: data.drop(empty),
    )


def empty_prompts(frame: "pd.DataFrame") -> Finding | None:
    empty = frame.index[frame["prompt"].str.strip() == ""]
    if empty.empty or len(empty) == len(frame):
        return None
    count = _count(len(empty), "example")
    return Finding(
        Severity.OPTIONAL,
        f"{count} without a prompt: {_numbers(empty)}.",
        f"Drop {count} without a prompt",
        lambda data: data.drop(empty, errors="ignore"),
    )


def task(frame: "pd.DataFrame") -> Finding:
    found = task_of(frame)
    advice = (
        " A small model is enough for that, such as ada was; hold some examples out to measure it with."
        if found is Task.CLASSIFICATION
        else ""
    )
    return info(f"By their shape, the examples teach {found}.{advice}")


def duplicates(frame: "pd.DataFrame") -> Finding | None:
    repeated = frame.index[frame.duplicated(COLUMNS)]
    if repeated.empty:
        return None
    return Finding(
        Severity.OPTIONAL,
        f"{_count(len(repeated), 'example')} repeating an earlier one: {_numbers(repeated)}.",
        f"Drop {_count(len(repeated), 'duplicate')}",
        lambda data: data.drop(repeated, errors="ignore"),
    )


def long_examples(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is Task.OPEN:
        return None
    long = frame.index[frame["prompt"].str.len() + frame["completion"].str.len() > MAX_CHARACTERS]
    if long.empty:
        return None
    count = _count(len(long), "example")
    return Finding(
        Severity.OPTIONAL,
        f"{count} of more than {MAX_CHARACTERS:,} characters: {_numbers(long)}.",
        f"Drop {count} of more than {MAX_CHARACTERS:,} characters",
        lambda data: data.drop(long, errors="ignore"),
    )


def upper_case(column: str, frame: "pd.DataFrame") -> Finding | None:
    upper, lower = _count_cases(frame[column])
    if upper * 2 <= lower:
        return None
    return Finding(
        Severity.OPTIONAL,
        f"More than a third of the letters in the {column}s are capitals, of which models make less.",
        f"Write all {column}s in lower case",
        lambda data: _map_column(data, column, str.lower),
    )


def identical_prompts(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is Task.OPEN or not all_equal(frame["prompt"]):
        return None
    return Finding(
        Severity.ERROR,
        f"All prompts are identical: {_quoted(frame['prompt'].iloc[0])}. "
        "Leave them empty to teach open-ended generation, else let them differ.",
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
    message = f"All prompts begin with {_quoted(common)}."
    if len(common) <= MAX_PROMPT_PREFIX_LENGTH:
        return info(message)
    return Finding(
        Severity.OPTIONAL,
        f"{message} A tuned model needs no instruction that is always the same.",
        "Take that beginning from all prompts",
        lambda data: _map_column(data, "prompt", partial(_without_prefix, common)),
    )


def completion_prefix(frame: "pd.DataFrame") -> Finding | None:
    common = _beginning(frame["completion"])
    if len(common) < MIN_COMPLETION_PREFIX_LENGTH or all_equal(frame["completion"]):
        return None
    space = " " if common.startswith(" ") else ""
    return Finding(
        Severity.OPTIONAL,
        f"All completions begin with {_quoted(common)}. Most of that teaches nothing.",
        "Take that beginning from all completions" + (", but for one space" if space else ""),
        lambda data: _map_column(data, "completion", lambda text: space + _without_prefix(common, text)),
    )


def identical_completions(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is not Task.CONDITIONAL or not all_equal(frame["completion"]):
        return None
    return Finding(
        Severity.ERROR,
        f"All completions are identical: {_quoted(frame['completion'].iloc[0])}. "
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
        lambda data: _map_column(
            data, "completion", lambda text: text if text.startswith(" ") else f" {text}"
        ),
    )


def rules_for(heroes: Heroes, target: Format) -> Iterator[Rule]:
    """Yield the rules for a target format, chats or pairs, in their order."""
    chats, of_heroes = target is Format.CHAT, heroes.are_most
    yield number_of_examples
    if of_heroes:
        yield partial(refused_heroes, heroes)
        yield partial(system_turns, "/hero asks without one")
    elif not chats:
        yield partial(system_turns, "pairs have none")
    if chats:
        yield partial(hero_prompts, heroes) if of_heroes else partial(shared_affixes, "prompt")
        yield partial(shared_affixes, "completion")
    yield from (control_tokens, empty_completions)
    if chats:
        yield empty_prompts
    yield from (task, duplicates, long_examples)
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
    return common if (texts.str.slice(len(common)).str.strip() != "").all() else ""


def _shared_suffix(column: str, common: str, frame: "pd.DataFrame") -> Finding:
    message = f"All {column}s end with {_quoted(common)}."
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
        lambda data: _map_column(data, column, lambda text: text + chosen),
    )


def _map_column(frame: "pd.DataFrame", column: str, function: Callable[[str], str]) -> "pd.DataFrame":
    return frame.assign(**{column: [function(text) for text in frame[column]]})


def _without_prefix(prefix: str, text: str) -> str:
    """Remove the prefix, which an earlier fix may have written in lower case."""
    return text.removeprefix(prefix if text.startswith(prefix) else prefix.lower())


def _are(number: int, noun: str) -> str:
    return f"{'is' if number == 1 else 'are'} {_count(number, noun)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _numbers(index: "pd.Index[int]") -> str:
    """List examples by their position in the file, from 1 on."""
    first = ", ".join(str(label + 1) for label in index[:_MAX_LISTED_EXAMPLES])
    remaining = len(index) - _MAX_LISTED_EXAMPLES
    return f"{first} and {remaining:,} more" if remaining > 0 else first


def _quoted(text: str) -> str:
    """Quote a text as a Python literal, so that spaces and line breaks are visible."""
    cut = f"{text[:_MAX_QUOTED_CHARACTERS]}..." if len(text) > _MAX_QUOTED_CHARACTERS else text
    return repr(cut)
