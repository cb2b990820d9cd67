"""The names of columns, which people write in many ways."""

from collections.abc import Iterable, Sequence

from bot.errors import UserError
from bot.heroes.hero import FIELD_NAMES

# what check and import look for, whatever the case in which a file writes it
KNOWN_COLUMNS = frozenset(
    (
        *FIELD_NAMES,
        "prompt",
        "completion",
        "sub_prompt",
        "response_txt",
        "finish_reason",
        "split",
        "source",
        "messages",
        "system",
    )
)

_QUOTES = "'\"‘’“”„«»`"  # noqa: RUF001


def read_name(name: str) -> str:
    """Return the name of a column without blanks around it; a known one in lower case."""
    stripped = name.strip().strip("\ufeff\u200b").strip()
    folded = stripped.casefold()
    return folded if folded in KNOWN_COLUMNS else stripped


def read_names(names: Sequence[str], file: str) -> tuple[str, ...]:
    """Return all names as read. Raises UserError if two are the same; empty ones may be."""
    read: dict[str, str] = {}
    for name in names:
        key = read_name(name)
        if key and key in read:
            raise UserError(
                f"{file} has columns of the same name ({quoted(read[key])} and {quoted(name)}): "
                "rename or drop one of them."
            )
        read[key] = name
    return tuple(read_name(name) for name in names)


def count_known(names: Iterable[str]) -> int:
    """Return how many known columns are among the names, which may still be in the wrong quotes."""
    return len({read_name(name.strip().strip(_QUOTES)) for name in names} & KNOWN_COLUMNS)


def quoted(text: str) -> str:
    """Quote a text of a file for a message: on one line, shortened."""
    return repr(text if len(text) <= 60 else text[:59] + "…")
