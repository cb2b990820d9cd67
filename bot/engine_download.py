"""The download of the engine's base model, as the engine tells it in its data folder while it starts."""

from pathlib import Path

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.i18n.format import format_duration
from bot.i18n.message import LocalizedMessage


class EngineDownload(BaseModel):
    """What has arrived of a base model, in bytes. waiting: why nothing arrives at the moment."""

    model_config = ConfigDict(frozen=True)

    base: str
    done: int
    total: int
    waiting: str = ""
    seconds_left: float | None = None

    def message(self) -> LocalizedMessage:
        """Return a sentence."""
        fields = {"base": self.base, "done": self.done / 1e6, "total": self.total / 1e6}
        if self.waiting:
            return LocalizedMessage(
                "The engine downloads its base model `{base}`, {done:,.0f} of {total:,.0f} MB so far, and "
                "waits ({reason}).",
                reason=self.waiting,
                **fields,
            )
        if self.seconds_left is None:
            return LocalizedMessage(
                "The engine downloads its base model `{base}`, {done:,.0f} of {total:,.0f} MB so far.",
                **fields,
            )
        return LocalizedMessage(
            "The engine downloads its base model `{base}`, {done:,.0f} of {total:,.0f} MB so far; the rest "
            "takes about {left}.",
            left=format_duration(self.seconds_left),
            **fields,
        )


def read_download(data_dir: Path) -> EngineDownload | None:
    """Return the download of the engine in a data folder; None if none starts or it downloads nothing."""
    try:
        told = EngineDownload.model_validate_json((data_dir / "engine" / "download.json").read_bytes())
    except (OSError, ValidationError):
        return None
    return told if is_engine_locked(data_dir) else None  # one that was killed leaves the file


def is_engine_locked(data_dir: Path) -> bool:
    """Return whether an engine is at work in a data folder.

    If none is, another program may listen at the address that the last one had.
    """
    path = data_dir / "engine" / "engine.lock"
    if not path.exists():
        return False
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError:
        return False  # to start an engine there will say why
    lock.release()
    return False
