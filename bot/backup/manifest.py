"""The manifest of a backup: what is in it, by which program it was made, and the hash of each file."""

import json
import re
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from bot.errors import BackupError

NAME = "manifest.json"
DATABASE = "hero.db"
SECRET = "voters.key"  # noqa: S105 (a name)
SETTINGS = "settings"
REPORTS = "reports"
ADAPTERS = "adapters"
ENGINE = ("engine/models", "engine/files", "engine/jobs", "engine/batches")
MAX_BYTES = 64_000_000  # of a manifest: it has one line for each file

_FORMAT: Literal[1] = 1
_TOP_FOLDERS = (SETTINGS, REPORTS, ADAPTERS, *ENGINE)
_MODELS = ENGINE[0]
_MODEL_MANIFEST = "manifest.json"  # of the engine, in the folder of a model
_MAX_FILE = 2**63 - 1  # bytes of a file: of a larger number no text can be made
# the calendar's first and last days cannot be told in every time zone
_Time = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(9000, 1, 1, tzinfo=UTC))
]


class BackedUpFile(BaseModel):
    """A file of a backup: its path with slashes, its size and the SHA-256 of its content."""

    model_config = ConfigDict(frozen=True)

    path: str
    bytes: int = Field(ge=0, le=_MAX_FILE)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")


class Manifest(BaseModel):
    """What a backup holds. It is written last, so a backup that has one is complete.

    made_by: the version of Herosmith. db_schema: the revision of the database. rows: of each table, by its
    name. models: the tuned models whose files are in it, by their names at the engine. missing_models: those
    that are needed, and that this data folder does not have, such as at a hosted API.
    """

    model_config = ConfigDict(frozen=True)

    format: Literal[1] = _FORMAT
    made_by: str
    made_at: _Time
    db_schema: str
    rows: dict[str, int]
    models: list[str]
    missing_models: list[str]
    files: list[BackedUpFile]

    @property
    def total_bytes(self) -> int:
        """Return the size of all files."""
        return sum(file.bytes for file in self.files)

    @property
    def model_count(self) -> int:
        """Return how many tuned models have files in it besides their own manifest."""
        below = [
            PurePosixPath(file.path).relative_to(_MODELS) for file in self.files if _is_of_model(file.path)
        ]
        return len({path.parts[0] for path in below if path.name != _MODEL_MANIFEST})


def _is_of_model(path: str) -> bool:
    """Return whether a path is in a folder of a tuned model."""
    parts = PurePosixPath(path).parts
    return path.startswith(f"{_MODELS}/") and len(parts) > len(PurePosixPath(_MODELS).parts) + 1


def parse_manifest(content: bytes, newest_schema: str) -> Manifest:
    """Read a manifest. Raise BackupError if it is none, is a newer version's, or names other paths."""
    try:
        raw = json.loads(content)
        found_format = raw["format"]
        if isinstance(found_format, int) and found_format > _FORMAT:
            raise BackupError(_newer_version_text(str(raw.get("made_by", "?"))))
        manifest = Manifest.model_validate(raw)
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise BackupError(f"The backup's {NAME} cannot be read, so it is damaged or no backup.") from error
    if _is_newer(manifest.db_schema, newest_schema):
        raise BackupError(_newer_version_text(manifest.made_by))
    for file in manifest.files:
        _check_path(file.path)
    paths = [file.path for file in manifest.files]
    if len(set(paths)) < len(paths) or not {DATABASE, SECRET} <= set(paths):
        raise BackupError(
            f"The backup's {NAME} is wrong: it names a file twice, or not {DATABASE} and {SECRET}. Nothing "
            "was changed; take another backup."
        )
    return manifest


def _newer_version_text(version: str) -> str:
    return (
        f"The backup was made by a newer Herosmith ({version}): update Herosmith, then restore it. Nothing "
        "was changed."
    )


def _is_newer(schema: str, newest: str) -> bool:
    if not re.fullmatch("[0-9]{1,9}", schema):
        raise BackupError(
            f"The backup's database has the schema {schema!r}, which no version of Herosmith makes."
        )
    return int(schema) > int(newest)


def _check_path(path: str) -> None:
    """Raise BackupError unless a path is one that backups have, which stays in any folder."""
    parts = PurePosixPath(path).parts
    clean = "/".join(parts) == path and ".." not in parts and "\\" not in path and "\0" not in path
    known = path in (DATABASE, SECRET) or any(path.startswith(f"{top}/") for top in _TOP_FOLDERS)
    if not clean or not known or path.startswith("/"):
        raise BackupError(
            f"The backup's {NAME} names {path!r}, which is no file of a backup. Nothing was changed; take "
            "another backup."
        )
