"""Checks: what is looked for in prompts and completions before they train a model.

The checks, their order and their thresholds are those of the `fine_tunes.prepare_data` tool that OpenAI has
retired; the words are ours.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from bot.dataset.lint.finding import Finding, Kind, information
from bot.dataset.lint.shape import Task, alike, common_end, common_start, task_of

if TYPE_CHECKING:
    import pandas as pd

FEW = 100  # examples
LONGEST = 10_000  # characters of prompt and completion together
LONGEST_ENDING = 10  # characters
LONGEST_PROMPT_PREFIX = 12
SHORTEST_COMPLETION_PREFIX = 5

COLUMNS = ["prompt", "completion"]

# What may end prompts and completions: the first that occurs in none of them, else the last.
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

_SHOWN = 60  # characters of a text that a finding quotes
_NAMED = 5  # examples that a finding names


@dataclass(frozen=True, slots=True)
class Check:
    """A look at all examples, which have been freed of what earlier checks had to mend."""

    look: Callable[["pd.DataFrame"], Finding | None]
    pairs_only: bool = False  # whether it means nothing in a chat, where roles part prompt and completion


def number_of_examples(frame: "pd.DataFrame") -> Finding:
    advice = f" Fewer than {FEW} teach little: a few hundred at least are better." if len(frame) < FEW else ""
    return information(f"There {_are(len(frame), 'example')}.{advice}")


def column_present(column: str, frame: "pd.DataFrame") -> Finding | None:
    if column in frame:
        return None
    other = next((name for name in frame if str(name).lower() == column), None)
    if other is None:
        found = ", ".join(_quoted(str(name)) for name in frame)
        return Finding(Kind.ERROR, f"There is no column {column!r}, only {found}. Name one so.")
    return Finding(
        Kind.NECESSARY,
        f"The column {other!r} is not in lower case.",
        f"Rename it to {column!r}",
        lambda data: data.rename(columns={other: column}),
    )


def additional_columns(frame: "pd.DataFrame") -> Finding | None:
    more = [str(name) for name in frame if name not in COLUMNS]
    if not more:
        return None
    names = ", ".join(_quoted(name) for name in more)
    alike = [name for name in more if any(column in name.lower() for column in COLUMNS)]
    warning = f" Mind that {_quoted(alike[0])} is not what trains." if alike else ""
    return Finding(
        Kind.NECESSARY,
        f"There {_are(len(more), 'column')} beside prompt and completion: {names}.{warning}",
        "Keep the columns prompt and completion alone",
        lambda data: data[COLUMNS],
    )


def empty_completions(frame: "pd.DataFrame") -> Finding | None:
    empty = frame.index[frame["completion"] == ""]
    if empty.empty:
        return None
    if len(empty) == len(frame):
        return Finding(Kind.ERROR, "No example has a completion. Fill the column.")
    count = _count(len(empty), "example")
    return Finding(
        Kind.NECESSARY,
        f"{count} without a completion: {_numbers(empty)}.",
        f"Drop {count} without a completion",
        lambda data: data.drop(empty),
    )


def task(frame: "pd.DataFrame") -> Finding:
    found = task_of(frame)
    advice = (
        " A small model is enough for that, such as ada was; hold some examples out to measure it with."
        if found is Task.CLASSIFICATION
        else ""
    )
    return information(f"By their shape, the examples teach {found}.{advice}")


def duplicates(frame: "pd.DataFrame") -> Finding | None:
    again = frame.index[frame.duplicated(COLUMNS)]
    if again.empty:
        return None
    return Finding(
        Kind.OPTIONAL,
        f"{_count(len(again), 'example')} repeating an earlier one: {_numbers(again)}.",
        f"Drop {_count(len(again), 'duplicate')}",
        lambda data: data.drop(again, errors="ignore"),
    )


def long_examples(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is Task.OPEN:
        return None
    long = frame.index[frame["prompt"].str.len() + frame["completion"].str.len() > LONGEST]
    if long.empty:
        return None
    count = _count(len(long), "example")
    return Finding(
        Kind.OPTIONAL,
        f"{count} of more than {LONGEST:,} characters: {_numbers(long)}.",
        f"Drop {count} of more than {LONGEST:,} characters",
        lambda data: data.drop(long, errors="ignore"),
    )


def upper_case(column: str, frame: "pd.DataFrame") -> Finding | None:
    letters = Counter[str]()
    for text in frame[column]:
        letters.update(text)
    upper = sum(count for letter, count in letters.items() if letter.isalpha() and letter.isupper())
    lower = sum(count for letter, count in letters.items() if letter.isalpha() and letter.islower())
    if upper * 2 <= lower:
        return None
    return Finding(
        Kind.OPTIONAL,
        f"More than a third of the letters in the {column}s are capitals, of which models make less.",
        f"Write all {column}s in lower case",
        lambda data: _rewritten(data, column, str.lower),
    )


def identical_prompts(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is Task.OPEN or not alike(frame["prompt"]):
        return None
    return Finding(
        Kind.ERROR,
        f"All prompts are identical: {_quoted(frame['prompt'].iloc[0])}. "
        "Leave them empty to teach open-ended generation, else let them differ.",
    )


def separator(frame: "pd.DataFrame") -> Finding | None:
    """What tells the model that the prompt is over."""
    if task_of(frame) is Task.OPEN:
        return None
    common = common_end(frame["prompt"])
    if common:
        return _common_end_found("prompt", common, frame)
    lines = frame["prompt"].str.contains("\n", regex=False).any()  # among which an arrow would be lost
    return _end_missing("prompt", "separator", SEPARATORS[1:] if lines else SEPARATORS, frame)


def prompt_prefix(frame: "pd.DataFrame") -> Finding | None:
    common = common_start(frame["prompt"])
    if not common:
        return None
    text = f"All prompts begin with {_quoted(common)}."
    if len(common) <= LONGEST_PROMPT_PREFIX:
        return information(text)
    return Finding(
        Kind.OPTIONAL,
        f"{text} A tuned model needs no instruction that is always the same.",
        "Take that beginning from all prompts",
        lambda data: _rewritten(data, "prompt", partial(_without_start, common)),
    )


def completion_prefix(frame: "pd.DataFrame") -> Finding | None:
    common = common_start(frame["completion"])
    if len(common) < SHORTEST_COMPLETION_PREFIX or alike(frame["completion"]):
        return None
    space = " " if common.startswith(" ") else ""
    return Finding(
        Kind.OPTIONAL,
        f"All completions begin with {_quoted(common)}. Most of that teaches nothing.",
        "Take that beginning from all completions" + (", but for one space" if space else ""),
        lambda data: _rewritten(data, "completion", lambda text: space + _without_start(common, text)),
    )


def identical_completions(frame: "pd.DataFrame") -> Finding | None:
    if task_of(frame) is not Task.CONDITIONAL or not alike(frame["completion"]):
        return None
    return Finding(
        Kind.ERROR,
        f"All completions are identical: {_quoted(frame['completion'].iloc[0])}. "
        "A model learns nothing from them: let them differ.",
    )


def ending(frame: "pd.DataFrame") -> Finding | None:
    """What tells whoever asks the model that the completion is over."""
    if task_of(frame) is not Task.CONDITIONAL:
        return None
    common = common_end(frame["completion"])
    if common:
        return _common_end_found("completion", common, frame)
    return _end_missing("completion", "ending", ENDINGS, frame)


def leading_space(frame: "pd.DataFrame") -> Finding | None:
    """A word with its space before it is one token to most models, and the prompt ends without a space."""
    if frame["completion"].str.startswith(" ").all():
        return None
    return Finding(
        Kind.OPTIONAL,
        "Completions do not all begin with a space, as models like words best.",
        "Begin all completions with a space",
        lambda data: _rewritten(
            data, "completion", lambda text: text if text.startswith(" ") else f" {text}"
        ),
    )


CHECKS = (
    Check(number_of_examples),
    Check(partial(column_present, "prompt")),
    Check(partial(column_present, "completion")),
    Check(additional_columns),
    Check(empty_completions),
    Check(task),
    Check(duplicates),
    Check(long_examples),
    Check(partial(upper_case, "prompt")),
    Check(partial(upper_case, "completion")),
    Check(identical_prompts),
    Check(separator, pairs_only=True),
    Check(prompt_prefix),
    Check(completion_prefix),
    Check(identical_completions),
    Check(ending, pairs_only=True),
    Check(leading_space, pairs_only=True),
)


def _common_end_found(column: str, common: str, frame: "pd.DataFrame") -> Finding:
    text = f"All {column}s end with {_quoted(common)}."
    if len(common) > LONGEST_ENDING:
        text += " That is very long: a shorter ending does."
    if frame[column].str.slice(stop=-len(common)).str.contains(common, regex=False).any():
        text += (
            f" Warning: some {column}s have it in their midst as well. Choose one that occurs nowhere else."
        )
    return information(text)


def _end_missing(column: str, name: str, candidates: tuple[str, ...], frame: "pd.DataFrame") -> Finding:
    *tried, last = candidates
    free = (each for each in tried if not frame[column].str.contains(each, regex=False).any())
    chosen = next(free, last)
    return Finding(
        Kind.OPTIONAL,
        f"The {column}s have no common {name}, so that a model cannot tell where they end.",
        f"End all {column}s with the {name} {chosen!r}",
        lambda data: _rewritten(data, column, lambda text: text + chosen),
    )


def _rewritten(frame: "pd.DataFrame", column: str, change: Callable[[str], str]) -> "pd.DataFrame":
    return frame.assign(**{column: [change(text) for text in frame[column]]})


def _without_start(start: str, text: str) -> str:
    """The text without its start, which may have been written in lower case since."""
    return text.removeprefix(start if text.startswith(start) else start.lower())


def _are(number: int, noun: str) -> str:
    return f"{'is' if number == 1 else 'are'} {_count(number, noun)}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _numbers(index: "pd.Index[int]") -> str:
    """Examples by their place in the file, from 1 on."""
    first = ", ".join(str(label + 1) for label in index[:_NAMED])
    return f"{first} and {len(index) - _NAMED:,} more" if len(index) > _NAMED else first


def _quoted(text: str) -> str:
    """A text as Python would write it, so that spaces and line breaks can be seen."""
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}...")
