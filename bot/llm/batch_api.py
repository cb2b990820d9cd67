"""The provider's Batch API: many requests at once, answered within a day at a lower price."""

import asyncio
import logging
import re
from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import openai
from openai import AsyncOpenAI
from openai.types import Batch

from bot.errors import OutOfReach, ServerError, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_REASON, NO_RETRY, error_text, with_retries

log = logging.getLogger(__name__)

_METADATA_KEY = "herosmith_batch"
_PAGE = 100  # batches per list request
_QUEUE_FULL = re.compile(
    r"\b(?:en)?queued?[- ](?:\w+[- ])?tokens?\b|\btokens? (?:are )?(?:already )?(?:en)?queued\b"
    r"|\bbatch queue limit\b",
    re.IGNORECASE,
)
_LIMIT = re.compile(
    r"\b(?:limit|maximum|quota)(?:\s+(?:is|of|to)\s+|\s*[:=(]\s*|\s+)"
    r"(?P<number>\d[\d,._\u202f']*)\s*(?P<unit>[km]?)\b",
    re.IGNORECASE,
)
_FINAL = frozenset({"completed", "failed", "expired", "cancelled"})


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits of a batch, and the pauses between calls of the Batch API in seconds."""

    max_requests: int = 50_000  # the limit of the Batch API
    max_bytes: int = 150_000_000  # of the 200 MB that a file may have
    start_pauses: tuple[float, ...] = (2, 10, 30, 60)  # before checking whether a batch was started
    # before a smaller batch, after one that should have fitted into the provider's queue
    queue_pauses: tuple[float, ...] = (60, 300, 900, 1800, *(3600,) * 8)
    poll: float = 2.0  # between two polls of a running batch, at first
    slowest_poll: float = 60.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the provider refused a batch.

    queue_full: too many tokens wait at the provider already, so that a smaller batch, or a later one, may be
    taken. limit: how many may wait, if it says so.
    """

    message: LocalizedMessage
    queue_full: bool = False
    limit: int | None = None

    @classmethod
    def of(cls, reasons: str, codes: Collection[str | None] = ()) -> "Refusal":
        """Return the refusal of the provider's own words."""
        message = LocalizedMessage(
            "The provider refused the batch: {reason}", reason=reasons or LocalizedMessage(NO_REASON)
        )
        full = bool(_QUEUE_FULL.search(reasons)) or "token_limit_exceeded" in codes
        return cls(message, full, _limit_in(reasons) if full else None)


class BatchRefused(Exception):
    """The provider refused to start a batch, and would refuse it again."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(str(refusal.message))
        self.refusal = refusal


class QueueFull(BatchRefused):
    """It would start the batch later, or a smaller one: too many tokens wait there already."""


class BatchApi:
    """Uploads, starts, finds, reads and cancels batches. A label in its metadata identifies each one.

    start_pauses: seconds to wait before looking whether a batch was started, if the answer to a start was
    lost; as many starts are tried.
    """

    def __init__(self, api: AsyncOpenAI, *, start_pauses: tuple[float, ...]) -> None:
        self._api = api
        self._start_pauses = start_pauses

    async def upload(self, path: Path) -> str:
        """Upload a file of requests and return its id. Raises Unavailable if the server has no Batch API."""
        content = await asyncio.to_thread(path.read_bytes)
        try:
            upload = partial(self._api.files.create, file=(path.name, content), purpose="batch")
            return (await with_retries(upload, BACKGROUND)).id
        except UnknownModel as error:
            raise Unavailable(
                "The model server has no Batch API. Run `{/build-dataset}` again without batch."
            ) from error

    async def start(self, file: str, label: str) -> str:
        """Start a file's batch once and return its id.

        If the answer is lost, look for a batch with the label before starting another. Raises BatchRefused if
        the server refuses it, QueueFull if it would start it later, Unavailable if no answer is to be had.
        """
        for pause in self._start_pauses:
            started = await self.find(label)
            if started:
                return started
            try:
                batch = await with_retries(
                    lambda: self._api.batches.create(
                        input_file_id=file,
                        endpoint="/v1/chat/completions",
                        completion_window="24h",
                        metadata={_METADATA_KEY: label},
                    ),
                    NO_RETRY,
                )
            except (OutOfReach, ServerError, UnknownModel) as error:
                _raise_if_refused(error)
                log.warning("batch %s: was it started? looking in %d s", label, pause)
                await asyncio.sleep(pause)
            else:
                return batch.id
        raise Unavailable("The model server did not take the batch. Run `{/build-dataset}` again later.")

    async def find(self, label: str) -> str | None:
        """Return the id of the batch with a label: its start may not have been recorded here."""
        page = await with_retries(partial(self._api.batches.list, limit=_PAGE), BACKGROUND)
        while True:
            for batch in page.data:
                if (batch.metadata or {}).get(_METADATA_KEY) == label:
                    return batch.id
            if not page.has_next_page():  # on a busy account it may be behind many newer ones
                return None
            page = await with_retries(page.get_next_page, BACKGROUND)

    async def get(self, batch_id: str) -> tuple[Batch, bool]:
        """Return a batch, and whether it has ended. An unknown status counts as still running.

        Raises UnknownModel if the server no longer has it.
        """
        batch = await with_retries(partial(self._api.batches.retrieve, batch_id), BACKGROUND)
        return batch, batch.status in _FINAL

    async def download(self, file: str, path: Path) -> None:
        """Download a batch's results into a file."""
        await with_retries(partial(self._download_once, file, path), BACKGROUND)

    async def cancel(self, batch_id: str) -> None:
        """Ask the provider to cancel a batch; a refusal is only logged."""
        try:
            await with_retries(partial(self._api.batches.cancel, batch_id), INTERACTIVE)
        except (Unavailable, ServerError) as error:
            log.warning("batch %s could not be cancelled: %s", batch_id, error)

    async def _download_once(self, file: str, path: Path) -> None:
        async with self._api.files.with_streaming_response.content(file) as response:
            await response.stream_to_file(path)


def refusal_of(batch: Batch) -> Refusal | None:
    """Return why the provider refused a batch; None if it did not."""
    if batch.status != "failed":
        return None
    errors = (batch.errors.data if batch.errors else None) or []
    reasons = "; ".join(error.message for error in errors if error.message)
    return Refusal.of(reasons, [error.code for error in errors])


def _raise_if_refused(error: OutOfReach | ServerError | UnknownModel) -> None:
    """Raise BatchRefused unless the batch may have been started all the same, or may be by another try."""
    refused = error.__cause__
    if not isinstance(refused, openai.APIStatusError):
        return
    refusal = Refusal.of(error_text(refused), [refused.code])
    if refusal.queue_full:
        raise QueueFull(refusal) from error
    if not isinstance(error, OutOfReach):
        raise BatchRefused(refusal) from error


def _limit_in(reasons: str) -> int | None:
    """Return the number of tokens that a refusal names as the limit."""
    found = _LIMIT.search(reasons)
    if found is None:
        return None
    if not (unit := found["unit"].lower()):
        return int(re.sub(r"\D", "", found["number"])) or None
    thousands = float(re.sub(r"[^\d.]", "", found["number"]).rstrip("."))
    return round(thousands * {"k": 1_000, "m": 1_000_000}[unit]) or None
