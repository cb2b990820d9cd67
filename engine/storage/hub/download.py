"""Download a model from the Hugging Face Hub into its cache: what is missing, checked, and once."""

import logging
import time
from collections.abc import Callable
from pathlib import Path

from filelock import Timeout
from huggingface_hub import constants

from engine import resources, system
from engine.storage import atomic
from engine.storage.hub.cache import RepositoryCache
from engine.storage.hub.client import HubClient, HubTiming, cache_refusal, size_of
from engine.storage.hub.listing import HubError, Listing, RemoteFile
from engine.storage.hub.name import HubName
from engine.storage.hub.progress import Download, OnDownload

log = logging.getLogger(__name__)

_SPARE_BYTES = 2**27  # of disk, that the download leaves to others
_LOCK_POLL = 1.0  # seconds


class HubDownload:
    """One download of a model."""

    def __init__(
        self,
        name: HubName,
        on_download: OnDownload | None = None,
        *,
        timing: HubTiming | None = None,
        free_disk: Callable[[Path], int] = system.available_disk,
    ) -> None:
        """`on_download` is told the progress. `free_disk` returns the bytes that are free."""
        self._name = name
        self._on_download = on_download
        self._timing = timing or HubTiming()
        self._free_disk = free_disk
        self._client = HubClient(self._timing, self._tell)
        self._cache = RepositoryCache(Path(constants.HF_HUB_CACHE), name.repository)
        self._total = 0
        self._complete = 0  # bytes of the files that are here
        self._current = 0  # bytes of the file that is on its way

    def run(self) -> Path:
        """Return the GGUF file, or the folder of the model, in the cache. Raises HubError."""
        listing = self._client.listing(self._name)
        files = listing.needed()
        self._total = sum(file.size for file in files)
        try:
            self._cache.prepare()
            self._lock(files)
            try:
                self._bring_all(listing, files)
            finally:
                self._cache.lock.release()
        except OSError as error:
            raise cache_refusal(error) from error
        folder = self._cache.snapshot(listing.commit)
        is_gguf = len(files) == 1 and files[0].path.lower().endswith(".gguf")
        return folder / files[0].path if is_gguf else folder

    def _bring_all(self, listing: Listing, files: list[RemoteFile]) -> None:
        missing = [file for file in files if not self._is_here(file)]
        self._complete, self._current = self._total - sum(file.size for file in missing), 0
        self._check_disk(missing)
        for file in missing:
            self._bring(listing.commit, file)
            self._complete, self._current = self._complete + file.size, 0
        for file in files:
            self._cache.link(file, listing.commit)
        self._cache.remember(self._name.revision or constants.DEFAULT_REVISION, listing.commit)

    def _is_here(self, file: RemoteFile) -> bool:
        """Return whether a file is in the cache; delete it there if it is damaged."""
        blob = self._cache.blob(file)
        if file.is_at(blob):
            return True
        if blob.exists():
            log.warning("%s in the Hugging Face cache is damaged, and is downloaded anew", file.path)
            blob.unlink()
        return False

    def _check_disk(self, missing: list[RemoteFile]) -> None:
        """Raise HubError if the disk has no room for what is missing."""
        needed = sum(max(0, file.size - size_of(self._cache.partial(file))) for file in missing)
        if not needed:
            return
        folder = self._cache.folder
        if found := resources.shortage("disk", needed + _SPARE_BYTES, self._free_disk(folder)):
            raise HubError(
                f"{self._name} cannot be downloaded: {found}. Free some space in {folder.parent}, or choose "
                "another disk by HF_HOME."
            )

    def _bring(self, commit: str, file: RemoteFile) -> None:
        """Download a file, and anew if it came damaged. Raises HubError if it did twice."""
        partial = self._cache.partial(file)
        for is_last in (False, True):
            self._fetch(commit, file, partial)
            if file.is_at(partial):
                atomic.publish(partial, self._cache.blob(file))
                return
            partial.unlink()
            if not is_last:
                log.warning("%s arrived damaged, and is downloaded anew", file.path)
        raise HubError(
            f"{file.path} of {self._name.repository} arrived damaged twice: its hash is not the one that the "
            "Hub names. It was deleted. Is there a proxy or a filter between? Start again later."
        )

    def _fetch(self, commit: str, file: RemoteFile, partial: Path) -> None:
        try:
            self._client.fetch(self._name, commit, file, partial, self._on_size)
        except HubError as error:
            cause = error.__cause__
            if isinstance(cause, OSError) and cause.errno in atomic.DISK_FULL_ERRNOS:
                # a full disk would keep the bot from storing anything
                partial.unlink(missing_ok=True)
            raise

    def _on_size(self, size: int) -> None:
        self._current = size
        self._tell("")

    def _tell(self, waiting: str) -> None:
        if self._on_download is not None:
            done = min(self._complete + self._current, self._total)
            self._on_download(Download(str(self._name), done, self._total, waiting))

    def _lock(self, files: list[RemoteFile]) -> None:
        """Wait for another download of the same repository. Raises HubError if it brings nothing."""
        seen, since = -1, time.monotonic()
        while True:
            try:
                self._cache.lock.acquire(timeout=min(_LOCK_POLL, self._timing.longest_lock))
            except Timeout:
                arrived = sum(size_of(self._cache.partial(file)) for file in files)
                if arrived != seen:
                    seen, since = arrived, time.monotonic()
                    self._current = arrived
                if time.monotonic() - since > self._timing.longest_lock:
                    raise HubError(
                        f"Another program downloads {self._name.repository} and gets nowhere. Stop it first."
                    ) from None
                self._tell("another program downloads the same; waiting for it")
            else:
                return
