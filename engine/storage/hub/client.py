"""Ask the Hub over HTTP, and again if that may help; every wait has an end.

huggingface_hub finds the address, the token and what an error means. Its own download (2.4) begins anew after
a crash, checks no hash, and sleeps for as long as a server says, so the bytes are taken here.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit

import httpx2
from huggingface_hub import HfApi, constants, errors, get_session, get_token, hf_hub_url
from huggingface_hub.utils import (  # type: ignore[attr-defined]  # documented, but not for type checkers
    build_hf_headers,
    hf_raise_for_status,
    parse_ratelimit_headers,
)

from engine.storage import atomic
from engine.storage.hub.listing import HubError, Listing, RemoteFile
from engine.storage.hub.name import HubName

T = TypeVar("T")

_KEPT = "What has arrived is kept: the next start takes the rest."
_TOO_MANY, _REQUEST_TIMEOUT, _WRONG_RANGE, _OK = 429, 408, 416, 200


@dataclass(frozen=True)
class HubTiming:
    """How long the Hub is waited for, in seconds."""

    timeout: float = 30.0
    """Without a byte, until an attempt is given up."""
    attempts: int = 6
    """In a row that bring nothing, until the download is given up."""
    first_pause: float = 1.0
    """Between two attempts; it doubles."""
    longest_pause: float = 300.0
    """A server that asks to wait longer is not waited for."""
    longest_lock: float = 300.0
    """For another download of the same repository while it brings nothing."""


class _EndedEarly(Exception):
    """A server closed a file before its end, as if that were the end."""


_ERRORS = (
    *(httpx2.HTTPError, httpx2.InvalidURL, OSError, _EndedEarly),
    *(ValueError, TypeError, KeyError),  # of an answer that is not the Hub's
)


class HubClient:
    """The Hub at HF_ENDPOINT. `on_wait` is told why nothing arrives."""

    def __init__(self, timing: HubTiming, on_wait: Callable[[str], None]) -> None:
        self._timing = timing
        self._on_wait = on_wait
        self._endpoint = constants.ENDPOINT
        self._host = urlsplit(self._endpoint).hostname or self._endpoint
        self._was_reached = False

    def listing(self, name: HubName) -> Listing:
        """Return what a repository holds. Raises HubError."""
        api = HfApi(endpoint=self._endpoint)
        info = self._persist(
            name,
            lambda: api.model_info(
                name.repository, revision=name.revision, files_metadata=True, timeout=self._timing.timeout
            ),
            lambda: 0,
        )
        return Listing.read(name, info)

    def fetch(
        self, name: HubName, commit: str, file: RemoteFile, partial: Path, on_size: Callable[[int], None]
    ) -> None:
        """Bring what `partial` lacks of a file. Raises HubError.

        Afterwards it is as long as the file, or longer if the server sends too much. `on_size` is told how
        long it is.
        """
        url = hf_hub_url(name.repository, file.path, revision=commit, endpoint=self._endpoint)
        self._persist(name, lambda: self._stream(url, file, partial, on_size), lambda: size_of(partial))

    def _stream(self, url: str, file: RemoteFile, partial: Path, on_size: Callable[[int], None]) -> None:
        size = size_of(partial)
        if size >= file.size:
            partial.touch()  # an empty file
            return
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        if size:
            headers["Range"] = f"bytes={size}-"
        timeout = httpx2.Timeout(self._timing.timeout)
        with get_session().stream("GET", url, headers=headers, timeout=timeout) as response:
            if response.status_code == _WRONG_RANGE:
                partial.unlink(missing_ok=True)
            hf_raise_for_status(response)
            if response.status_code == _OK:  # the whole file, whatever was asked
                size = 0
            with partial.open("ab" if size else "wb") as out:
                for chunk in response.iter_bytes():
                    self._was_reached = True
                    out.write(chunk)
                    size += len(chunk)
                    on_size(size)
                    if size > file.size:
                        return
        if size < file.size:
            raise _EndedEarly

    def _persist(self, name: HubName, attempt: Callable[[], T], done: Callable[[], int]) -> T:
        """Return what an attempt returns that succeeds. Raises HubError.

        Attempts in a row that bring nothing are counted; `done` tells what has arrived, in bytes.
        """
        failures = 0
        while True:
            before = done()
            try:
                result = attempt()
            except _ERRORS as error:
                failures = 1 if done() > before else failures + 1
                self._pause(name, error, failures)
            else:
                self._was_reached = True
                return result

    def _pause(self, name: HubName, error: Exception, failures: int) -> None:
        """Wait before the next attempt. Raises HubError if there is to be none."""
        reason = self._transient(error)
        if reason is None:
            raise self._refusal(name, error) from error
        pause = min(self._timing.first_pause * 2 ** (failures - 1), self._timing.longest_pause)
        asked = _retry_after(error)
        if asked is not None and asked > self._timing.longest_pause:
            raise HubError(
                f"{reason}, and asks to wait for {asked:.0f} s. Start again then. {_KEPT}"
            ) from error
        if failures >= self._timing.attempts:
            raise HubError(f"{reason}, {failures} times in a row. Start again later. {_KEPT}") from error
        pause = max(pause, asked or 0.0)
        self._on_wait(f"{reason}; the next attempt is in {pause:.0f} s")
        time.sleep(pause)
        self._on_wait("")

    def _transient(self, error: Exception) -> str | None:
        """Return what went wrong, if it may go well the next time."""
        if isinstance(error, errors.HfHubHTTPError):
            response = error.response
            status, host = response.status_code, response.url.host
            # the address of a file at another host is good for a while only: the Hub tells a new one
            is_elsewhere = host != self._host and "X-Error-Code" not in response.headers
            if status in (_TOO_MANY, _REQUEST_TIMEOUT, _WRONG_RANGE) or status >= 500 or is_elsewhere:
                return f"{host} answers with HTTP status {status}"
            return None
        if isinstance(error, httpx2.TimeoutException):
            return f"{self._host} does not answer"
        if isinstance(error, httpx2.ConnectError):
            return f"{self._host} cannot be reached" if self._was_reached else None
        if isinstance(error, (httpx2.NetworkError, httpx2.RemoteProtocolError, _EndedEarly)):
            return f"{self._host} breaks off"
        return None

    def _refusal(self, name: HubName, error: Exception) -> HubError:
        """Return why no further attempt is made; without an error's own text, which may hold the token."""
        if isinstance(error, errors.HfHubHTTPError):
            return self._refused(name, error)
        if isinstance(error, errors.HFValidationError):
            return HubError(f"{name.repository} is not a valid id on {self._host}.")
        if isinstance(error, UnicodeEncodeError):
            return HubError("HF_TOKEN holds a character that no token has: copy it anew.")
        if isinstance(error, (ValueError, TypeError, KeyError)):
            return HubError(
                f"{self._host} does not answer as the Hugging Face Hub does. Is HF_ENDPOINT right, and no "
                "login page between?"
            )
        if isinstance(error, OSError) and not isinstance(error, errors.OfflineModeIsEnabled):
            return cache_refusal(error)
        offline = isinstance(error, errors.OfflineModeIsEnabled)
        reason = "HF_HUB_OFFLINE is set." if offline else f"{type(error).__name__}. Is there a network?"
        return HubError(
            f"There is no file or folder {name.repository}, it is not in the Hugging Face cache, and it "
            f"could not be downloaded: {reason}"
        )

    def _refused(self, name: HubName, error: errors.HfHubHTTPError) -> HubError:
        status = error.response.status_code
        if isinstance(error, errors.RevisionNotFoundError):
            return HubError(f"{name.repository} has no revision '{name.revision or 'main'}'.")
        if isinstance(error, errors.GatedRepoError) or status == 403:
            return self._gated(name.repository)
        if isinstance(error, errors.RepositoryNotFoundError) or status == 404:
            return HubError(
                f"{name.repository} exists neither here nor on {self._host}, or HF_TOKEN may not read it."
            )
        if status == 401:
            what = "HF_TOKEN" if get_token() else "to show it without HF_TOKEN"
            return HubError(
                f"{self._host} refuses {what}: make a token on {self._endpoint}/settings/tokens, and set "
                "HF_TOKEN to it."
            )
        return HubError(f"{self._host} refuses {name}, with HTTP status {status}.")

    def _gated(self, repository: str) -> HubError:
        sentence = (
            f"{repository} is gated: accept its licence on {self._endpoint}/{repository}, and set HF_TOKEN "
            f"to a token of the same account ({self._endpoint}/settings/tokens)."
        )
        if get_token():
            sentence += " The account of the HF_TOKEN that is set may not read it yet."
        return HubError(sentence)


def size_of(path: Path) -> int:
    """Return a file's size; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def cache_refusal(error: OSError) -> HubError:
    """Return why nothing can be written to the cache."""
    if error.errno in atomic.DISK_FULL_ERRNOS:
        return HubError(
            "The disk became full, so what had arrived of the file was deleted. Free some space, or choose "
            "another disk by HF_HOME."
        )
    return HubError(f"The Hugging Face cache cannot be written: {error.strerror or error}.")


def _retry_after(error: Exception) -> float | None:
    """Return for how many seconds a server asks to wait."""
    if not isinstance(error, errors.HfHubHTTPError):
        return None
    headers = error.response.headers
    asked = headers.get("Retry-After", "").strip()
    if asked.isdecimal():
        return float(asked)
    limit = parse_ratelimit_headers(headers)  # the Hub's own way
    return float(limit.reset_in_seconds) if limit and not limit.remaining else None
