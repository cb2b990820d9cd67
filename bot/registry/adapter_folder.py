"""The folder of LoRA adapters: a folder below it for each model, complete or absent."""

import hashlib
import json
import os
import re
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bot.errors import UserError

_CONFIG = "adapter_config.json"
_WEIGHTS = "adapter_model.safetensors"
_FILES = (_CONFIG, _WEIGHTS)
_BASE_KEY = "base_model_name_or_path"
_UNFINISHED = ".unfinished-"
_STALE_AFTER = 86_400.0  # seconds after which unfinished work is a killed process's
_PUBLISHED = re.compile(r".*@[0-9a-f]{12}")


class BrokenArchive(Exception):
    """An archive is truncated, or is none: downloading it again may help."""


class AdapterFolder:
    """Adapters in PEFT's format; a model's name is its path in the folder. Other processes share it.

    Beside an adapter is what was published of it: the same weights, for servers, under a name that no other
    weights ever have.
    """

    def __init__(self, root: Path) -> None:
        """Use a folder; it is created with the first adapter."""
        self._root = root

    def has(self, model: str) -> bool:
        return _is_complete(self._path(model))

    def find(self, model: str) -> Path | None:
        """Return the folder of a model's adapter, None if it is not here. Raises UserError as all do."""
        return self._path(model) if self.has(model) else None

    def list_all(self) -> list[str]:
        """Return the models whose adapters are here, without what was published of them."""
        configs = self._root.rglob(_CONFIG)
        names = [config.parent.relative_to(self._root).as_posix() for config in configs]
        visible = [name for name in names if not any(part.startswith(".") for part in name.split("/"))]
        return sorted(name for name in visible if self.has(name) and not _PUBLISHED.fullmatch(name))

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
            with suppress(FileNotFoundError):  # its owner has removed it since glob()
                if time.time() - folder.stat().st_mtime > _STALE_AFTER:
                    shutil.rmtree(folder, ignore_errors=True)

    def unpack(self, archive: Path, model: str, workspace: Path) -> None:
        """Unpack a tar of the adapter of `model`, completely or not at all, in place of what is there.

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
        if self.has(model) and _fingerprint(self._path(model)) != _fingerprint(unpacked):
            self._path(model).rename(workspace / "replaced")
        self._move_in(unpacked, model)

    def _move_in(self, complete: Path, model: str) -> None:
        if self.has(model):
            return  # another process was faster
        place = self._path(model)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            complete.rename(place)
        except OSError:
            if self.has(model):  # another process was faster
                return
            if not place.exists():
                raise
            place.rename(complete.with_name("incomplete"))
            complete.rename(place)

    def publish(self, model: str, base: str) -> str:
        """Publish a model's adapter to servers, and return the name under which they load it.

        base: what they call the base model. Name and folder end with a hash of the weights: a server keeps
        what it computed under them (its prefix cache), and would mix it with what new weights compute.
        """
        with self.workspace() as workspace:
            copy = workspace / "adapter"
            copy.mkdir()
            for file in _FILES:
                _link_or_copy(self._path(model) / file, copy / file)
            name = f"{model}@{_fingerprint(copy)}"
            self._move_in(copy, name)
        self._set_base(name, base)
        return name

    def _set_base(self, model: str, base: str) -> None:
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


def _fingerprint(adapter: Path) -> str:
    """Return a hash of all that an adapter adds to its base, whatever that is called."""
    config: dict[str, Any] = json.loads((adapter / _CONFIG).read_text(encoding="utf-8"))
    config.pop(_BASE_KEY, None)
    digest = hashlib.sha256(json.dumps(config, sort_keys=True).encode())
    with (adapter / _WEIGHTS).open("rb") as weights:
        while part := weights.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()[:12]


def _link_or_copy(source: Path, target: Path) -> None:
    """Let two names share a file's bytes; on a disk without hard links, copy it."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
        _fsync(target)


def _is_complete(adapter: Path) -> bool:
    return all((adapter / name).is_file() for name in _FILES)


def _fsync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
