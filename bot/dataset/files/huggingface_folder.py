"""Hugging Face folder: a dataset card and Parquet files, for `datasets.load_dataset`."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from bot.dataset.files import parquet_file
from bot.dataset.files.dataset_card import DatasetCard
from bot.dataset.files.row import Row

# the hub's name of each split, in the order of the card; rows without a split are written to train
_SPLITS = {"train": "train", "valid": "validation"}


@contextmanager
def open_folder_writer(folder: Path, card: DatasetCard) -> Iterator[Callable[[Row], None]]:
    """Write each row to the file of its split, and at the end the card. A split without rows has no file."""
    folder.mkdir()
    (folder / "data").mkdir()
    writers: dict[str, Callable[[Row], None]] = {}
    counts = Counter[str]()
    with ExitStack() as stack:

        def write(row: Row) -> None:
            split = _SPLITS.get(row.split, "train")
            if split not in writers:
                path = folder / "data" / f"{split}-00000-of-00001.parquet"
                writers[split] = stack.enter_context(parquet_file.open_writer(path))
            writers[split](row)
            counts[split] += 1

        yield write
    in_order = {split: counts[split] for split in _SPLITS.values() if counts[split]}
    (folder / "README.md").write_text(card.markdown(in_order), encoding="utf-8", newline="\n")
