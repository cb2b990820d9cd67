"""Other usual names of columns: question and answer, instruction and output, description."""

from collections.abc import Iterator
from dataclasses import replace

from bot.dataset.reading.source import Record, Source
from bot.heroes.hero import FIELD_NAMES

_PROMPTS = ("question", "instruction", "query", "input", "user")
_COMPLETIONS = ("answer", "output", "response", "response_txt", "assistant", "text", "description")
_DESCRIPTIONS = ("description", "text", "completion", "response", "answer", "output")


def with_known_names(source: Source) -> Source:
    """Return a source whose columns have the names that check and import look for, and a note on each.

    A name that the file uses itself is never given to another column.
    """
    renamed = _renamed(source.columns)
    if not renamed:
        return source

    rest = _rest_of_prompt(source.columns, renamed)

    def records() -> Iterator[Record]:
        for record in source.records():
            cells = {renamed.get(name, name): text for name, text in record.cells.items()}
            if rest and (more := cells.pop(rest)).strip():
                cells["prompt"] = f"{cells['prompt']}\n\n{more}"
            yield record._replace(cells=cells)

    names = tuple(renamed.get(name, name) for name in source.columns if name != rest)
    notes = [f"The column {old!r} is read as {new!r}." for old, new in renamed.items()]
    if rest:
        notes.append(f"The column {rest!r} is read as the rest of the prompt.")
    return replace(source, columns=names, records=records, notes=(*source.notes, *notes))


def _rest_of_prompt(columns: tuple[str, ...], renamed: dict[str, str]) -> str | None:
    """Return the column that goes on where an instruction ends, as in Alpaca's tables."""
    folded = {name.casefold(): name for name in columns}
    return folded.get("input") if renamed.get(folded.get("instruction", "")) == "prompt" else None


def _renamed(columns: tuple[str, ...]) -> dict[str, str]:
    """Return the new names of columns by their old ones."""
    if set(FIELD_NAMES) <= set(columns):
        return _first(columns, "response_txt", _DESCRIPTIONS)
    prompt = _first(columns, "prompt", _PROMPTS)
    taken = tuple(name for name in columns if name not in prompt)
    completion = _first(taken, "completion", _COMPLETIONS)
    has_both = ("prompt" in columns or prompt) and ("completion" in columns or completion)
    return prompt | completion if has_both else {}


def understood(columns: tuple[str, ...]) -> set[str]:
    """Return which of the names that check and import look for a table has, under one that can be read."""
    wanted = {"prompt": _PROMPTS, "completion": _COMPLETIONS, "response_txt": _DESCRIPTIONS}
    return {*columns, *(name for name, synonyms in wanted.items() if _first(columns, name, synonyms))}


def _first(columns: tuple[str, ...], wanted: str, synonyms: tuple[str, ...]) -> dict[str, str]:
    """Return the first of these columns that a table has, unless it has the wanted one itself."""
    if wanted in columns:
        return {}
    by_folded = {name.casefold(): name for name in columns}
    return next(({by_folded[each]: wanted} for each in synonyms if each in by_folded), {})
