"""Write datasets as files in every supported format."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Literal

from bot.dataset.files import base, csv_file, huggingface_folder, jsonl_file, parquet_file
from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.row import Row
from bot.errors import UserError

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
