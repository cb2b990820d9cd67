"""What tables of rated pairs and of rated texts have in common: what is said of their columns and rows."""

from collections.abc import Collection, Sequence

from bot.dataset.files.row import format_names

_SHOWN = 5  # rows, in a message


def unread_note(columns: Sequence[str], read: Collection[str]) -> list[str]:
    """Return a sentence on the columns that are not read; none if all are."""
    unread = [name for name in columns if name not in (*read, "system", "split")]
    if not unread:
        return []
    named = "column {} is" if len(unread) == 1 else "columns {} are"
    return [f"The {named.format(format_names(unread))} not read."]


def first_places(places: Sequence[str]) -> str:
    """Return the first places of a file, and how many there are besides."""
    more = f" and {len(places) - _SHOWN:,} more" if len(places) > _SHOWN else ""
    return ", ".join(places[:_SHOWN]) + more
