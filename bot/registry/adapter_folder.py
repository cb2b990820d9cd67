"""The folder of LoRA adapters: a folder below it for each model, complete or absent."""

import json
import os
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.errors import UserError

_CONFIG = "adapter_config.json"
_FILES = (_CONFIG, "adapter_model.safetensors")
_BASE_KEY = "base_model_name_or_path"
_UNFINISHED = ".unfinished-"
_STALE_AFTER = 86_400.0  # seconds after which unfinished work is a killed process's


class BrokenArchive(Exception):
    """An archive is truncated, or is none: downloading it again may help."""


class AdapterFolder:
    """Adapters in PEFT's format; a model's name is its path in the folder. Other processes share it."""

    def __init__(self, root: Path) -> None:
        """Use a folder; it is created with the first adapter."""
        self._root = root

    def has(self, model: str) -> bool:
        return _is_complete(self._path(model))

    def find(self, model: str) -> Path | None:
        """Return the folder of a model's adapter, None if it is not here. Raises UserError as all do."""
        return self._path(model) if self.has(model) else None

    def list_all(self) -> list[str]:
        """Return the models whose adapters are here."""
        configs = self._root.rglob(_CONFIG)
        names = [config.parent.relative_to(self._root).as_posix() for config in configs]
        visible = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        return sorted(name for name in visible if self.has(name))

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """Yield a temporary folder on the same disk, and remove it when the block ends.

        Remove what killed processes left, too.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        self._sweep()
        with TemporaryDirectory(prefix=_UNFINISHED, dir=self._root, ignore_cleanup_errors=True) as path:
            yield Path(path)

    def _sweep(self) -> None:
        for folder in self._root.glob(f"{_UNFINISHED}*"):
            # its owner may have removed it since glob()
            if folder.exists() and time.time() - folder.stat().st_mtime > _STALE_AFTER:
                shutil.rmtree(folder, ignore_errors=True)

    def unpack(self, archive: Path, model: str, workspace: Path) -> None:
        """Unpack a tar of the adapter of `model`, completely or not at all.

        Raises BrokenArchive, or UserError if the archive is no adapter or reaches out of its folder.
        """
        unpacked = workspace / "adapter"
        try:
            with tarfile.open(archive, "r:") as tar:
                tar.extractall(unpacked, filter="data")
        except tarfile.FilterError as error:
            raise UserError(
                "The adapter of {model} was refused: its archive reaches out of its folder.", model=model
            ) from error
        except (tarfile.TarError, EOFError) as error:
            raise BrokenArchive(str(error)) from error
        if not _is_complete(unpacked):
            raise UserError(
                "What the model server sent for {model} is not an adapter (a small addition to a model). An "
                "operator must look at its log.",
                model=model,
            )
        for name in _FILES:
            _fsync(unpacked / name)
        self._move_in(unpacked, self._path(model), model)

    def _move_in(self, unpacked: Path, place: Path, model: str) -> None:
        if self.has(model):
            return  # another process was faster
        shutil.rmtree(place, ignore_errors=True)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            unpacked.rename(place)
        except OSError:
            if not self.has(model):  # else another process was faster
                raise

    def set_base(self, model: str, base: str) -> None:
        """Write the base model's name, as the serving server calls it, into an adapter's config."""
        config = self._path(model) / _CONFIG
        content: dict[str, Any] = json.loads(config.read_text(encoding="utf-8"))
        if content.get(_BASE_KEY) == base:
            return
        with self.workspace() as workspace:
            changed = workspace / _CONFIG
            changed.write_text(json.dumps(content | {_BASE_KEY: base}, indent=1), encoding="utf-8")
            _fsync(changed)
            changed.replace(config)

    def _path(self, model: str) -> Path:
        """Return the folder of a model's adapter. Raises UserError if the name is no path below the root."""
        parts = model.split("/")
        if "\\" in model or any(not part or part.startswith(".") for part in parts):
            raise UserError("The model's name {model!r} cannot be the name of a folder.", model=model)
        return self._root.joinpath(*parts)


def _is_complete(adapter: Path) -> bool:
    return all((adapter / name).is_file() for name in _FILES)


def _fsync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
