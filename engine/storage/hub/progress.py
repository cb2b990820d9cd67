"""How far a download is: in the log, and in a file for programs that wait for the engine."""

import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from engine.storage import atomic

log = logging.getLogger(__name__)

_WRITE_SECONDS = 0.5
_FIRST_LOG_SECONDS = 2.0  # what takes less is not worth a line
_LOG_SECONDS = 10.0
_RATE_SECONDS = 15.0  # of the latest bytes, which say how long the rest takes
_LEAST_RATE_SECONDS = 1.0
_SAMPLE_SECONDS = 0.2


@dataclass(frozen=True)
class Download:
    """What has arrived of a base model, in bytes. `waiting`: why nothing arrives at the moment."""

    base: str
    done: int
    total: int
    waiting: str = ""


OnDownload = Callable[[Download], None]
"""Called several times a second while a base is downloaded."""


@dataclass(frozen=True)
class Speed:
    """Bytes a second, and the seconds until the rest has arrived; None as long as nothing tells."""

    bytes_per_second: float | None = None
    seconds_left: float | None = None


class DownloadReport:
    """Logs a download every ten seconds, and keeps it in a file that is deleted when the block ends."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Write to `path`. `clock` tells seconds."""
        self._path = path
        self._clock = clock
        self._arrived: deque[tuple[float, int]] = deque()
        self._written_at = float("-inf")
        self._log_at: float | None = None
        self._waiting = ""
        self._is_logged = False

    def __enter__(self) -> Self:
        """Return itself."""
        self._path.unlink(missing_ok=True)  # of an engine that was killed
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Delete the file."""
        self._path.unlink(missing_ok=True)

    def __call__(self, download: Download) -> None:
        """Take note of how far the download is."""
        now = self._clock()
        speed = self._speed(now, download)
        if download.waiting != self._waiting:
            self._waiting = download.waiting
            if download.waiting:
                log.warning("%s: %s", download.base, download.waiting)
        if now - self._written_at >= _WRITE_SECONDS or download.waiting:
            self._written_at = now
            self._write(download, speed)
        self._log(now, download, speed)

    def _speed(self, now: float, download: Download) -> Speed:
        if not self._arrived or now - self._arrived[-1][0] >= _SAMPLE_SECONDS:
            self._arrived.append((now, download.done))
        while now - self._arrived[0][0] > _RATE_SECONDS:
            self._arrived.popleft()
        since, before = self._arrived[0]
        seconds = now - since
        if seconds < _LEAST_RATE_SECONDS or download.done <= before:
            return Speed()
        rate = (download.done - before) / seconds
        return Speed(rate, (download.total - download.done) / rate)

    def _write(self, download: Download, speed: Speed) -> None:
        try:
            atomic.write_json(self._path, asdict(download) | asdict(speed))
        except OSError as error:  # a full disk ends the download by itself
            log.debug("the progress could not be written: %s", error)

    def _log(self, now: float, download: Download, speed: Speed) -> None:
        if self._log_at is None:
            self._log_at = now + _FIRST_LOG_SECONDS
        is_done = download.done >= download.total
        if not download.total or (now < self._log_at and not (is_done and self._is_logged)):
            return
        self._log_at = now + _LOG_SECONDS
        self._is_logged = not is_done
        log.info("%s", progress_text(download, speed))


def progress_text(download: Download, speed: Speed) -> str:
    """Return how far a download is, as a line of the log."""
    done, total = download.done / 1e6, download.total / 1e6
    percent = 100 * download.done // max(1, download.total)
    text = f"downloading {download.base}: {done:.0f} of {total:.0f} MB ({percent} %)"
    if speed.bytes_per_second is None or speed.seconds_left is None or not speed.seconds_left:
        return text
    return f"{text}, {speed.bytes_per_second / 1e6:.1f} MB/s, {speed.seconds_left:.0f} s left"
