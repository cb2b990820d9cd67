"""Adapters from the server that trained them, into the folder of adapters."""

import asyncio
from functools import partial
from pathlib import Path
from urllib.parse import quote

import httpx2
from openai import AsyncOpenAI

from bot.errors import UnknownModel, UserError
from bot.llm.retry import BACKGROUND, Truncated, with_retries
from bot.registry.adapter_folder import AdapterFolder, BrokenArchive


class AdapterDownload:
    """Downloads adapters, each once unless another one is to be had under its name."""

    def __init__(self, training: AsyncOpenAI, folder: AdapterFolder) -> None:
        self._training = training
        self._folder = folder

    async def fetch(self, model: str, *, anew: bool = False) -> None:
        """Put a model's adapter into the folder, unless it is there; or anew, in place of what is there.

        Raises UserError with what to mend, OSError if it cannot be stored, and what the server's refusals
        are.
        """
        if self._folder.has(model) and not anew:
            return
        try:
            await with_retries(partial(self._download_and_unpack, model), BACKGROUND)
        except UnknownModel as error:
            raise UserError(
                "The model server that trained {model} has no adapter of it.", model=model
            ) from error

    async def _download_and_unpack(self, model: str) -> None:
        with self._folder.workspace() as workspace:
            archive = workspace / "adapter.tar"
            try:
                await self._download(f"/models/{quote(model, safe=':')}/adapter", archive)
                await asyncio.to_thread(self._folder.unpack, archive, model, workspace)
            except (httpx2.HTTPError, BrokenArchive) as error:
                raise Truncated(f"the adapter of {model} was truncated") from error

    async def _download(self, path: str, to: Path) -> None:
        response = await self._training.get(
            path,
            cast_to=httpx2.Response,
            # as the SDK's with_streaming_response does, which exists only for paths that the SDK knows
            options={"headers": {"X-Stainless-Raw-Response": "stream"}},
        )
        try:
            with to.open("wb") as out:
                async for chunk in response.aiter_bytes():
                    await asyncio.to_thread(out.write, chunk)
        finally:
            await response.aclose()
