"""The names of splits, which differ from program to program."""

import re
from pathlib import PurePosixPath

TEST = "test"

_SPLITS = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("valid", "validation", "validate", "val", "dev", "development"), "valid"),
    **dict.fromkeys(("test", "testing", "eval", "evaluation"), TEST),
}
_WORD = re.compile(r"[a-z]+")


def read_split(name: str) -> str:
    """Return train, valid or test for the name of a split; the name itself if it means none of them."""
    stripped = name.strip()
    return _SPLITS.get(stripped.casefold(), stripped)


def is_split(name: str) -> bool:
    """Return whether a name means a split."""
    return name.strip().casefold() in _SPLITS


def split_of_file(path: PurePosixPath) -> str | None:
    """Return the split that a file's name says, else its folder's: data/validation-00000-of-00001.parquet."""
    for part in reversed(path.parts):
        found = [_SPLITS[word] for word in _WORD.findall(part.casefold()) if word in _SPLITS]
        if found:
            return found[0]
    return None
