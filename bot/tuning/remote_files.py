"""Files at a model server: each is uploaded once, even if the answer to the call was lost."""

import asyncio
import logging
from contextlib import suppress
from functools import partial

from openai import AsyncOpenAI
from openai.pagination import AsyncCursorPage as Page
from openai.types import FileObject

from bot.errors import Forbidden, OutOfReach, ServerError, Unavailable, UnknownModel, UserError
from bot.i18n.message import LocalizedMessage, mark
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_REASON, NO_RETRY, expect_type, retry_after
from bot.tuning.remote_calls import FineTuningApiTiming, RemoteCalls, may_be_made_since
from bot.tuning.training_files import TrainingFile

log = logging.getLogger(__name__)

_UNPROCESSED = frozenset({"pending", "running"})  # statuses of a file that no training can use yet


class RemoteFiles:
    """Uploads files to one provider, finds, reads and deletes them."""

    def __init__(self, api: AsyncOpenAI, calls: RemoteCalls, timing: FineTuningApiTiming) -> None:
        self._api = api.with_options(timeout=timing.timeout)
        self._upload_api = api.with_options(timeout=timing.upload_timeout)
        self._upload_pauses = timing.upload_pauses
        self._calls = calls

    async def upload(self, file: TrainingFile, *, since: float) -> str:
        """Return the id of a file: uploaded now, or before (recognised by its name, or by its content).

        since: the earliest time at which it may have been uploaded. Raises OutOfReach if it did not arrive,
        UserError if the server refuses it.
        """
        create = partial(self._upload_api.files.create, file=(file.name, file.content), purpose="fine-tune")
        upload = expect_type(create, FileObject)
        for pause in self._upload_pauses:
            found = await self._find_upload(file, since)
            if found:
                return found.id
            try:
                return (await self._calls.permitted(upload, NO_RETRY)).id
            except UnknownModel as error:
                raise UserError(self._calls.provider.no_training) from error
            except OutOfReach as error:  # the file may have arrived, and the answer been lost
                wait = max(pause, retry_after(error.__cause__) or 0.0)
                log.warning("%s: did it arrive? checking in %.0f s", file.name, wait)
                await asyncio.sleep(wait)
        raise OutOfReach(
            self._calls.provider.wording(
                engine=mark("The engine did not take the dataset. Run `{/finetune}` again later."),
                server=mark("The model server did not take the dataset. Run `{/finetune}` again later."),
            )
        )

    async def is_processed(self, file_id: str) -> bool:
        """Return whether the server has read a file. Raises UserError if it rejects the file."""
        file = await self._calls.with_retries(
            expect_type(partial(self._api.files.retrieve, file_id), FileObject), BACKGROUND
        )
        if file.status == "error":
            raise UserError(
                self._calls.provider.wording(
                    engine=mark("The engine refuses the file: {reason}"),
                    server=mark("The model server refuses the file: {reason}"),
                ),
                reason=file.status_details or LocalizedMessage(NO_REASON),
            )
        return file.status not in _UNPROCESSED

    async def delete(self, file_id: str) -> None:
        """Delete an uploaded file. One that cannot be deleted is left."""
        with suppress(Unavailable, ServerError):
            await self._calls.with_retries(partial(self._api.files.delete, file_id), NO_RETRY)

    async def content(self, file_id: str) -> bytes:
        """Return a result file's content; empty if it cannot be had, for the model is there without it."""
        with suppress(Unavailable, ServerError):
            return await self._calls.with_retries(partial(self._download, file_id), INTERACTIVE)
        return b""

    async def _find_upload(self, file: TrainingFile, since: float) -> FileObject | None:
        """Find an uploaded file by its name, or by its content if the server dropped the name."""
        same_size = []
        for found in await self._list_files():
            if found.filename == file.name and found.status != "error":
                return found
            if may_be_made_since(found.created_at, since) and found.bytes == len(file.content):
                same_size.append(found)
        for found in same_size:
            with suppress(Unavailable, ServerError):
                content = await self._calls.with_retries(partial(self._download, found.id), INTERACTIVE)
                if content == file.content:
                    return found
        return None

    async def _list_files(self) -> list[FileObject]:
        """Return the newest files; none if the server lists none."""

        async def page() -> Page[FileObject]:
            return await self._api.files.list(purpose="fine-tune")

        try:
            return list((await self._calls.with_retries(expect_type(page, Page), BACKGROUND)).data or ())
        except (UnknownModel, Forbidden, ServerError) as error:
            log.info("the server lists no files: %s", error)
            return []

    async def _download(self, file_id: str) -> bytes:
        return (await self._api.files.content(file_id)).content
