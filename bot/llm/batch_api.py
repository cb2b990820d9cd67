"""The provider's Batch API: many questions at once, answered within a day at a lower price."""

import asyncio
import logging
from functools import partial
from pathlib import Path

from openai import AsyncOpenAI
from openai.types import Batch

from bot.errors import OutOfReach, ServerError, Unavailable, UnknownModel
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_REASON, NO_RETRY, with_retries

log = logging.getLogger(__name__)

_MARK = "herosmith_batch"
_START_PAUSES = (2, 10, 30, 60)  # seconds before looking again whether a batch was started
_PAGE = 100  # batches listed at once
_OVER = frozenset({"completed", "failed", "expired", "cancelled"})


class BatchApi:
    """Uploads, starts, finds, reads and cancels batches. A mark in the metadata tells whose each one is."""

    def __init__(self, api: AsyncOpenAI) -> None:
        self._api = api

    async def upload(self, path: Path) -> str:
        """Send a file of requests; returns its id. Raises Unavailable where the server knows no batches."""
        content = await asyncio.to_thread(path.read_bytes)
        try:
            send = partial(self._api.files.create, file=(path.name, content), purpose="batch")
            return (await with_retries(send, BACKGROUND)).id
        except UnknownModel as error:
            raise Unavailable(
                "The model server has no Batch API: order the build again with batch set to False."
            ) from error

    async def start(self, file: str, mark: str) -> str:
        """Start a file's batch once; returns its id.

        Where the answer gets lost, look whether it began before trying again. Raises Unavailable where it
        does not.
        """
        for pause in _START_PAUSES:
            begun = await self.find(mark)
            if begun:
                return begun
            try:
                batch = await with_retries(
                    lambda: self._api.batches.create(
                        input_file_id=file,
                        endpoint="/v1/chat/completions",
                        completion_window="24h",
                        metadata={_MARK: mark},
                    ),
                    NO_RETRY,
                )
            except OutOfReach:
                log.warning("batch %s: was it started? looking in %d s", mark, pause)
                await asyncio.sleep(pause)
            else:
                return batch.id
        raise Unavailable("The model server did not take the batch. Order the build again later.")

    async def find(self, mark: str) -> str | None:
        """The batch that carries a mark, though nobody lived or heard to write its id down."""
        page = await with_retries(partial(self._api.batches.list, limit=_PAGE), BACKGROUND)
        while True:
            for each in page.data:
                if (each.metadata or {}).get(_MARK) == mark:
                    return each.id
            if not page.has_next_page():  # on a busy account it is not among the newest any more
                return None
            page = await with_retries(page.get_next_page, BACKGROUND)

    async def get(self, batch_id: str) -> tuple[Batch, bool]:
        """A batch as it stands, and whether it is over. A status never seen before counts as still running.

        Raises UnknownModel where the server has it no more.
        """
        batch = await with_retries(partial(self._api.batches.retrieve, batch_id), BACKGROUND)
        return batch, batch.status in _OVER

    async def download(self, file: str, path: Path) -> None:
        """Fetch a batch's results into a file."""
        await with_retries(partial(self._stream, file, path), BACKGROUND)

    async def cancel(self, batch_id: str) -> None:
        """Ask the provider to stop a batch; where that cannot be, the log has it."""
        try:
            await with_retries(partial(self._api.batches.cancel, batch_id), INTERACTIVE)
        except (Unavailable, ServerError) as error:
            log.warning("batch %s could not be cancelled: %s", batch_id, error)

    async def _stream(self, file: str, path: Path) -> None:
        async with self._api.files.with_streaming_response.content(file) as response:
            await response.stream_to_file(path)


def failure(batch: Batch) -> LocalizedMessage | None:
    """Why the provider refused a batch; None where it did not."""
    if batch.status != "failed":
        return None
    errors = (batch.errors.data if batch.errors else None) or []
    reasons = "; ".join(each.message for each in errors if each.message)
    return LocalizedMessage(
        "The provider refused the batch: {reason}", reason=reasons or LocalizedMessage(NO_REASON)
    )
