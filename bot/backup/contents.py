"""What belongs into a backup besides the database: files of the data folder, and settings without secrets."""

import json
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bot.backup.manifest import ADAPTERS, ENGINE, REPORTS, SECRET, SETTINGS
from bot.errors import BackupError
from bot.heroes.config import plots_file
from bot.registry.adapter_folder import AdapterFolder
from bot.settings import Settings

_MODELS, *_RECORDS = ENGINE
# by setting: files of the same name in two folders are two files
_SETTINGS_FILES = {
    "heroes_file": "heroes.toml",
    "prices_file": "prices.toml",
    "blocklist": "blocked.txt",
}
_SECRET_WORDS = ("key", "token", "secret", "password", "credential")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file to copy. may_vanish: the engine may delete it meanwhile, which is no fault."""

    path: str
    source: Path
    may_vanish: bool = False


@dataclass(frozen=True, slots=True)
class KnownModels:
    """The bot's models by name: all, those that have to stay, and those whose files were deleted."""

    names: frozenset[str]
    needed: frozenset[str]
    pruned: frozenset[str]


@dataclass(frozen=True, slots=True)
class ModelFolders:
    """The folders to copy: of tuned models and of adapters, by name; and the needed models that have none."""

    found: dict[str, Path]
    adapters: dict[str, Path]
    missing: list[str]


def model_folders(settings: Settings, known: KnownModels | None) -> ModelFolders:
    """Return which folders of tuned models and adapters belong into a backup.

    Models that are not the bot's are a person's own (`herosmith tune`), and belong in. Checkpoints do not.
    The adapter of a model whose files were deleted is all that is left of it; others can be fetched from the
    engine again. known: None if the database cannot tell; then all models and adapters belong in.
    """
    found = {}
    needed = known.needed if known else frozenset[str]()
    root = settings.data_dir / _MODELS
    for folder in sorted(root.iterdir()) if root.exists() else ():
        manifest = folder / "manifest.json"
        try:
            content = json.loads(manifest.read_bytes())
            name, is_checkpoint = str(content["id"]), bool(content.get("is_checkpoint"))
        except (FileNotFoundError, NotADirectoryError):  # deleted just now, or not complete yet
            continue
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupError(
                f"{manifest} cannot be read ({error}), so no backup was made. Let the bot's user read it; "
                "or stop the bot and move that model's folder away."
            ) from error
        if name in needed or (not is_checkpoint and (known is None or name not in known.names)):
            found[name] = folder
    adapters = AdapterFolder(settings.adapters)
    kept = adapters.list_all() if known is None else known.pruned
    adapter_folders = {name: path for name in sorted(kept) if (path := adapters.find(name))}
    return ModelFolders(found, adapter_folders, sorted(needed - set(found)))


def check_secret(settings: Settings) -> None:
    """Raise BackupError unless the secret of the pseudonyms is there: no backup is restored without."""
    secret = settings.data_dir / SECRET
    if secret.is_file() and secret.stat().st_size:
        return
    fault = "is empty" if secret.is_file() else "is no file" if secret.exists() else "is missing"
    raise BackupError(
        f"{secret} {fault}, and votes belong to nobody without it, so no backup was made. Put this file back "
        "from an earlier backup, then start this again."
    )


def list_files(settings: Settings, models: ModelFolders) -> Iterator[SourceFile]:
    """Yield the files of the data folder and of the installation's settings, in the order of copying."""
    data = settings.data_dir
    yield SourceFile(SECRET, data / SECRET)
    for setting, name in _SETTINGS_FILES.items():
        source: Path = getattr(settings, setting)
        if source.is_file():
            yield SourceFile(f"{SETTINGS}/{name}", source)
    if plots := _plots(settings.heroes_file):
        yield SourceFile(f"{SETTINGS}/{plots.name}", plots)
    for folder in models.found.values():
        yield from _files_below(folder, f"{_MODELS}/{folder.name}")
    for model, folder in models.adapters.items():
        yield from _files_below(folder, f"{ADAPTERS}/{model}")
    for record in (*_RECORDS, REPORTS):
        yield from _files_below(data / record, record, may_vanish=True)


def _plots(heroes: Path) -> Path | None:
    """Return the file of plots that a heroes file names; None if it names none, or cannot be read."""
    try:
        plots = plots_file(heroes, tomllib.loads(heroes.read_text(encoding="utf-8-sig")))
    except (OSError, ValueError):
        return None  # a faulty file is backed up as it is: the doctor says what is wrong with it
    return plots if plots and plots.is_file() else None


def _files_below(folder: Path, path: str, *, may_vanish: bool = False) -> Iterator[SourceFile]:
    """Yield all files below a folder, but for the states of trainings and for what is being written."""

    def fail(error: OSError) -> None:
        if not isinstance(error, FileNotFoundError):
            raise error

    for at, folders, names in os.walk(folder, onerror=fail):
        folders.sort()
        relative = Path(at).relative_to(folder)
        for name in sorted(names):
            source = Path(at) / name
            if name.startswith("state.pt") or name.endswith(".part") or not source.is_file():
                continue  # a training whose state is missing begins again
            yield SourceFile(_path_in_backup(Path(path) / relative / name, source), source, may_vanish)


def _path_in_backup(path: Path, source: Path) -> str:
    """Return a path with slashes. Raise BackupError if a manifest cannot hold it, or no restore takes it."""
    text = path.as_posix()
    if "\\" in text or os.fsencode(text).decode(errors="replace") != text:
        raise BackupError(
            f"The name of {os.fsencode(source).decode(errors='backslashreplace')} has a backslash or is no "
            "UTF-8, which a backup cannot hold, so none was made. Rename this file or its folder, or move it "
            "away."
        )
    return text


def settings_text(settings: Settings) -> str:
    """Return the settings that differ from the defaults, as lines of a .env file, without secrets.

    DATA_DIR is left out: the playground's differs from the one that was set, and would move at each restore.
    """
    lines = [
        "# The settings of this backup, without DATA_DIR, tokens, keys, passwords and addresses with one."
    ]
    for name in sorted(settings.model_fields_set - {"data_dir"}):
        value = getattr(settings, name, None)
        if value is None or isinstance(value, SecretStr) or _may_be_secret(name, value):
            continue
        if isinstance(value, (set, frozenset)):
            value = ",".join(map(str, sorted(value)))
        lines.append(f"{name.upper()}={value}")
    return "\n".join(lines) + "\n"


def _may_be_secret(name: str, value: object) -> bool:
    """Return whether a value may hold a secret: free JSON does, and so does an address with a password."""
    if isinstance(value, dict) or any(word in name for word in _SECRET_WORDS):
        return True
    text = str(value)
    return "://" in text and ("@" in text or "?" in text)
