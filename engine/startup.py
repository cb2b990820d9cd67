"""What every way to run the engine does before it serves: lock the folder, find the base, check both.

Whatever hinders the start is a StartError, a sentence with which the process ends.
"""

import argparse
import errno
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from engine import system, tunability
from engine.jobs.weights_choice import WeightsSetting
from engine.logs import configure_logs
from engine.storage import gguf_header, weights
from engine.storage.hub.progress import DownloadReport

log = logging.getLogger("engine")

_LOCK_SECONDS = 45.0  # for an engine whose parent died to save its training and exit


class StartError(Exception):
    """A reason why the engine cannot start, as a sentence."""


@dataclass(frozen=True, slots=True)
class Start:
    """What was found: the base, and why it cannot be tuned (empty if it can)."""

    base: weights.Weights
    obstacle: str


@contextmanager
def prepared(options: argparse.Namespace) -> Iterator[Start]:
    """Configure the logs, hold the lock of the data folder during the block, and find and check the base.

    Whatever hinders that, and any StartError of the block, ends the process with its sentence.
    """
    try:
        _configure_logs()
        base = _find_here(options.base)
        with start_step(f"the folder {options.data} cannot be used", "--data"):
            _make_writable(options.data)
        with _locked(options.data, wait=options.with_parent):
            base = base or _download_base(options)
            _check_chats(base)
            yield Start(base, _tuning_obstacle(base, options.tune))
    except Timeout:
        sys.exit(f"engine: another engine is at work in {options.data}; stop it first.")
    except StartError as error:
        sys.exit(f"engine: {error}")


@contextmanager
def start_step(failure: str, options: str) -> Iterator[None]:
    """Turn an error of the operating system, or a name that it cannot take, into a StartError.

    `options` are those by which to choose another folder or address.
    """
    try:
        yield
    except (OSError, ValueError) as error:
        number = getattr(error, "errno", None) or 0
        reason = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or str(error)
        raise StartError(f"{failure}: {reason}. Choose otherwise by {options}.") from error


def _configure_logs() -> None:
    try:
        configure_logs(os.environ.get("LOG_FORMAT") or "human", os.environ.get("LOG_LEVEL") or "INFO")
    except ValueError as error:
        raise StartError(str(error)) from error


def _find_here(base: str | None) -> weights.Weights | None:
    """Return the base; None if it has to be downloaded. Raises StartError."""
    try:
        return weights.find(base, may_download=False)
    except weights.NotDownloaded:
        return None
    except weights.WeightsError as error:
        raise StartError(" ".join(str(error).split())) from error  # the parent shows the last line


def _download_base(options: argparse.Namespace) -> weights.Weights:
    """Download the base. Raises StartError.

    If the parent dies meanwhile, so does this process: the parent that is started again waits for its lock.
    """
    is_here = threading.Event()
    if options.with_parent:
        system.watch_parent(lambda: None if is_here.is_set() else os._exit(1))
    try:
        with DownloadReport(options.data / "download.json") as report:
            return weights.find(options.base, report)
    except weights.WeightsError as error:
        raise StartError(" ".join(str(error).split())) from error
    finally:
        is_here.set()


def _check_chats(base: weights.Weights) -> None:
    """Raise StartError if a GGUF file is damaged, or has no chat template: llama.cpp would make one up."""
    if not base.is_gguf:
        return
    with start_step(f"{base.path} cannot be read", "--base (ENGINE_BASE), or fetch the file anew"):
        header = gguf_header.read(base.path)
    if not header.has_chat_template:
        raise StartError(
            f"{base.path} has no chat template, and the engine only serves chats: choose its instruct"
            " variant by --base (ENGINE_BASE)."
        )


def _tuning_obstacle(base: weights.Weights, tune: WeightsSetting) -> str:
    """Return why the base cannot be tuned, empty if it can. Raises StartError if it was to be tuned."""
    obstacle = tunability.obstacle(base.path)
    if obstacle and tune != "auto":
        raise StartError(f"{obstacle} To serve it without tuning, leave out --tune {tune}.")
    if obstacle:
        log.warning("no job can tune the base: %s", obstacle)
    return obstacle


def _make_writable(data: Path) -> None:
    """Make the data folder. Raises OSError if it, or a folder in it, cannot be written."""
    data.mkdir(parents=True, exist_ok=True)
    for folder in (data, *(each for each in data.iterdir() if each.is_dir())):
        if not os.access(folder, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))


@contextmanager
def _locked(data: Path, *, wait: bool) -> Iterator[None]:
    """Lock the data folder: two engines would delete each other's unfinished files. Raises Timeout.

    `wait` gives the previous engine time to exit: a parent that was killed and restarted at once starts this
    engine while the previous one still notices the death of its parent.
    """
    lock = FileLock(data / "engine.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        if not wait:
            raise
        log.info("waiting for the previous engine in %s to exit", data)
        lock.acquire(timeout=_LOCK_SECONDS)
    try:
        yield
    finally:
        lock.release()
