"""The names of splits, which differ from program to program."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

TEST = "test"

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "validate", "val", "dev", "development"), "valid"),
    **dict.fromkeys(("holdout", "hold-out", "hold_out", "heldout", "held-out", "held_out"), "valid"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), TEST),
}
_WORD = re.compile(r"[a-z]+")
_SHOWN = 5  # values, in a message


def read_split(name: str) -> str:
    """Return train, valid or test for the name of a split; the name itself if it means none of them."""
    stripped = name.strip()
    return _SPLITS.get(stripped.casefold(), stripped)


def is_split(name: str) -> bool:
    """Return whether a name means a split."""
    return name.strip().casefold() in _SPLITS


def unknown_splits_note(counts: Mapping[str, int]) -> list[str]:
    """Return the sentence about splits, as read, that mean none; none without any, or if no row has one."""
    unknown = [name for name in counts if name not in _SPLITS.values()]
    if not any(counts) or not unknown:
        return []
    named = [f"{name!r} ({counts[name]:,} row{'' if counts[name] == 1 else 's'})" for name in unknown]
    shown = ", ".join(named[:_SHOWN]) + (", ..." if len(named) > _SHOWN else "")
    return [f"The column 'split' has values that mean no split: {shown}. A model learns from these rows."]


def split_of_file(path: PurePosixPath) -> str | None:
    """Return the split that a file's name says, else its folder's: data/validation-00000-of-00001.parquet."""
    for part in reversed(path.parts):
        found = [_SPLITS[word] for word in _WORD.findall(part.casefold()) if word in _SPLITS]
        if found:
            return found[0]
    return None
