"""Read and write datasets as files in every supported format."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from bot.dataset.files import base, csv_file, huggingface_folder, jsonl_file, parquet_file
from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.row import Row, parser_for
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format, Source
from bot.errors import UserError

# `openai tools fine_tunes.prepare_data` appends the first of these that no completion contains
_ENDINGS = ("\n", " END", " [END]", "***", "+++", "&&&", "$$$", "@@@", "%%%")

FileFormat = Literal["article", "prepared", "csv", "jsonl", "parquet", "huggingface"]


def write_rows(
    rows: Iterable[Row],
    path: Path,
    file_format: FileFormat,
    *,
    overwrite: bool = False,
    card: DatasetCard | None = None,
) -> int:
    """Write rows lazily and return their number. The path appears only when all of them are written.

    card: the README of a Hugging Face folder. Raises UserError if there are no rows, a row cannot be written,
    the path exists, the disk is full or the folder cannot be written; then no partial file remains.
    """
    number = 0
    with (
        base.atomic_write(path, overwrite=overwrite) as temporary,
        _open_writer(temporary, file_format, card or DatasetCard()) as write,
    ):
        for number, row in enumerate(rows, 1):
            write(row.validated(f"Row {number}"))
        if not number:
            raise UserError("There are no rows to write: build a dataset first.")
    return number


def read_rows(path: Path) -> Iterator[Row]:
    """Read a file of any format, or a Hugging Face folder.

    Rows are yielded while the file is read, and any of them may raise UserError: the file is known to be
    sound only at the end. The error names the problem, the row and what to do.
    """
    source = open_source(path)
    parse = parser_for(source.columns, path.name)
    prefix, suffix = _added_affixes(source)
    for _, location, cells in source.records():
        if prefix or suffix:
            cells["completion"] = cells["completion"].removeprefix(prefix).removesuffix(suffix)
        yield parse(cells, location)


def _added_affixes(source: Source) -> tuple[str, str]:
    """Return the prefix and ending that the older tool added to every completion; empty for other files."""
    if source.format is not Format.PAIRS or "completion" not in source.columns:
        return "", ""
    endings = list(_ENDINGS)
    for record in source.records():
        text = record.cells["completion"]
        if not text.startswith(" "):
            return "", ""
        endings = [ending for ending in endings if text.endswith(ending)]
    return " ", next(iter(endings), "")


def _open_writer(
    path: Path, file_format: FileFormat, card: DatasetCard
) -> AbstractContextManager[Callable[[Row], None]]:
    match file_format:
        case "article":
            return csv_file.open_article_writer(path)
        case "prepared":
            return csv_file.open_prepared_writer(path)
        case "csv":
            return csv_file.open_full_writer(path)
        case "jsonl":
            return jsonl_file.open_chat_writer(path)
        case "parquet":
            return parquet_file.open_writer(path)
        case "huggingface":
            return huggingface_folder.open_folder_writer(path, card)
