"""What a training leaves besides its models: the table of its losses; and the copy of a model's files."""

import csv
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from engine.storage.models import MANIFEST


def write_losses(path: Path, train: Mapping[str, float], valid: Mapping[str, float], steps: int) -> None:
    """Write losses by step, 0 to `steps`, as a CSV file."""
    with path.open("w", newline="", encoding="utf-8") as out:
        rows = csv.writer(out)
        rows.writerow(("step", "train_loss", "valid_loss"))
        for step in range(steps + 1):
            row = (train.get(str(step)), valid.get(str(step)))
            if row != (None, None):
                rows.writerow((step, *("" if loss is None else f"{loss:.6f}" for loss in row)))


def copy_model(source: Path, target: Path) -> None:
    """Give a model's files a second folder; it has no manifest, so the model is not complete."""
    shutil.copytree(
        source,
        target,
        ignore=shutil.ignore_patterns(MANIFEST),
        copy_function=_link_or_copy,
        dirs_exist_ok=True,
    )


def _link_or_copy(source: str, target: str) -> None:
    """Let a file have two names; copy it if the disk cannot do that. Neither is ever written again."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)
