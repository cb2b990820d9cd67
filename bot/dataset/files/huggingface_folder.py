"""Hugging Face folder: a dataset card and Parquet files, as `datasets.load_dataset` finds them."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot.dataset.files import parquet_file
from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.row import Row
from bot.errors import UserError

# The hub's word for each of ours, in the order of reading; rows that nobody has assigned are to train on
_SPLITS = {"train": "train", "valid": "validation"}


@contextmanager
def open_folder_writer(folder: Path, card: DatasetCard) -> Iterator[Callable[[Row], None]]:
    """Write each row to the file of its split, and in the end the card. A split without rows has no file."""
    folder.mkdir()
    (folder / "data").mkdir()
    puts: dict[str, Callable[[Row], None]] = {}
    rows = Counter[str]()
    with ExitStack() as opened:

        def put(row: Row) -> None:
            split = _SPLITS.get(row.split, "train")
            if split not in puts:
                path = folder / "data" / f"{split}-00000-of-00001.parquet"
                puts[split] = opened.enter_context(parquet_file.open_writer(path))
            puts[split](row)
            rows[split] += 1

        yield put
    counted = {split: rows[split] for split in _SPLITS.values() if rows[split]}
    (folder / "README.md").write_text(card.markdown(counted), encoding="utf-8", newline="\n")


def read(folder: Path) -> Iterator[Row]:
    """Read the training rows, then the held-out ones."""
    found = [
        (path, ours)
        for ours, split in _SPLITS.items()
        for path in sorted((folder / "data").glob(f"{split}-*.parquet"))
    ]
    if not found:
        raise UserError(
            f"The folder {folder.name} holds no data/train-*.parquet: choose the folder that an export made."
        )
    for path, split in found:
        yield from parquet_file.read(path, split=split)
