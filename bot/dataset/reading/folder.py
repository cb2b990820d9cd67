"""Hugging Face folders: files of splits, also in several shards."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath

from bot.dataset.reading.chat import LongerTalk
from bot.dataset.reading.source import Format, Record, Source, Unread
from bot.dataset.reading.splits import split_of_file
from bot.dataset.reading.survey import Reading
from bot.errors import UserError

_FORMATS = (
    ".parquet",
    ".jsonl",
    ".ndjson",
    ".json",
    ".csv",
    ".tsv",
)  # in a folder with several the first counts
_ABOUT = {  # the dataset itself, and no rows
    *("readme.md", "dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"),
    *("license", "license.md", "license.txt", "licence", "licence.md", "licence.txt", "citation.cff"),
}
_MOST_FILES = 10_000
_DEPTH = 3  # folders below: default/train/0000.parquet
_SHARD = re.compile(r"(.*)-(\d{5})-of-(\d{5})(\..*)")

Open = Callable[[Path], Source]


def folder_reading(folder: Path, open_file: Open) -> Reading:
    """Read the training files, then the held-out ones.

    A file without a split in its name trains if no file has one. What else there is, or is missing, is named.
    """
    name = folder.resolve().name
    files = {path: PurePosixPath(path.relative_to(folder)) for path in _files(folder)}
    suffix = next((suffix for suffix in _FORMATS if any(_suffix(path) == suffix for path in files)), None)
    shards = {path: split_of_file(at) for path, at in files.items() if _suffix(path) == suffix}
    if not any(shards.values()):
        shards = dict.fromkeys(shards, "train")
    used = [path for split in ("train", "valid") for path in sorted(shards) if shards[path] == split]
    if not used:
        raise UserError(
            f"The folder {name} holds no data/train-*.parquet, nor another file of training rows: "
            "choose the folder that an export made."
        )
    sources = {path: _opened(path, name, open_file) for path in used}
    reading = Reading(name, Format.FOLDER, lambda: _rows(sources, shards), _columns(sources.values()))
    for path, source in sources.items():
        reading.notes += source.notes
        reading.unread += [Unread(f"{unread.name} of {files[path]}", unread.rows) for unread in source.unread]
    reading.unread += [_unread(path, at, open_file) for path, at in files.items() if path not in sources]
    reading.unread += [Unread(f"{missing}, which is missing") for missing in _missing(files.values())]
    return reading


def _opened(path: Path, folder: str, open_file: Open) -> Source:
    try:
        return open_file(path)
    except LongerTalk:
        if path.suffix.lower() != ".jsonl":
            raise
        raise UserError(
            "{folder} is a folder, of which only conversations of one question and one answer are read, and "
            "{file} has longer ones. To learn from that file, name it alone: `{/tune file:{path}}`",
            folder=folder,
            file=path.name,
            path=str(path),
        ) from None


def _rows(sources: dict[Path, Source], shards: dict[Path, str | None]) -> Iterator[Record]:
    number = 0
    for path, source in sources.items():
        split = {} if "split" in source.columns else {"split": shards[path] or ""}
        for record in source.records():
            number += 1
            yield Record(number, record.location, {**record.cells, **split})


def _columns(sources: Iterable[Source]) -> list[str]:
    return list(dict.fromkeys([*(name for source in sources for name in source.columns), "split"]))


def _files(folder: Path) -> Iterator[Path]:
    """Yield the files that may hold data, without hidden ones and those about the dataset."""
    count = 0
    for parent, folders, names in os.walk(folder):
        depth = len(Path(parent).relative_to(folder).parts)
        folders[:] = sorted(name for name in folders if not name.startswith(".") and depth < _DEPTH)
        for name in sorted(names):
            count += 1
            if count > _MOST_FILES:
                raise UserError(
                    f"{folder.name} holds more than {_MOST_FILES:,} files: choose the dataset's own folder."
                )
            if not name.startswith(".") and name.casefold() not in _ABOUT:
                yield Path(parent) / name


def _suffix(path: Path) -> str:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else "".join(suffixes[-1:])


def _unread(path: Path, name: PurePosixPath, open_file: Open) -> Unread:
    """Describe a file that is not read, with the number of its rows if it holds any."""
    if _suffix(path) not in _FORMATS:
        return Unread(str(name))
    try:
        source = open_file(path)
        return Unread(str(name), sum(1 for _ in source.records()))
    except UserError:
        return Unread(str(name))


def _missing(files: Iterable[PurePosixPath]) -> Iterator[str]:
    """Yield the names of shards that others count: -00001-of-00003 if there are the first and the last."""
    names = set(map(str, files))
    for group in sorted(
        {(found[1], found[3], found[4]) for name in names if (found := _SHARD.fullmatch(name))}
    ):
        start, total, end = group
        for at in range(min(int(total), _MOST_FILES)):
            name = f"{start}-{at:05}-of-{total}{end}"
            if name not in names:
                yield name
