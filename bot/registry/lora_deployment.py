"""LoRA deployment: an adapter trained at one server is loaded into others with the same base."""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from pathlib import Path, PurePosixPath

from openai import AsyncOpenAI
from openai.types import Model

from bot.errors import HerosmithError, OutOfReach, UserError
from bot.registry.adapter_download import AdapterDownload
from bot.registry.adapter_folder import AdapterFolder
from bot.registry.lora_server import LoraServer, base_name, is_listed

log = logging.getLogger(__name__)

_GRACE = 20.0  # seconds that the other servers have once one has answered
_SHORT_GRACE = 2.0  # the same while somebody waits for a hero


class LoraDeployment:
    """Copies adapters from the training server into a folder, and has every serving server load them."""

    def __init__(
        self,
        training: AsyncOpenAI,
        serving: Sequence[AsyncOpenAI],
        *,
        here: Path,
        there: PurePosixPath | str,
        hint: str,
    ) -> None:
        """Use the folder `here`, whose path is `there` for the serving servers.

        hint: a sentence that tells how to start those servers so that they load adapters.
        """
        self._servers = [LoraServer(api, folder=PurePosixPath(there), hint=hint) for api in serving]
        self._folder = AdapterFolder(here)
        self._adapters = AdapterDownload(training, self._folder)

    async def deploy(self, model: str, *, grace: float = _GRACE) -> str:
        """Load a newly trained model's adapter into every serving server; return its name there.

        The adapter is fetched anew: an engine that was restored from a backup may have trained it again,
        under the same name. A server that has not answered `grace` seconds after another one gets the adapter
        when it is back. Raises UserError with what to mend at any of the servers, ServerError, or OutOfReach
        if none is in reach.
        """
        name, refusals = await self._load_everywhere(model, anew=True, grace=grace)
        for refusal in refusals:
            if not isinstance(refusal, OutOfReach):
                raise refusal
        return name

    async def reload(self, model: str) -> str:
        """Load an adapter into the servers that have forgotten it, as after a restart; return its name there.

        Raises as deploy() does, but only if no server has it.
        """
        name, refusals = await self._load_everywhere(model, anew=False, grace=_SHORT_GRACE)
        for refusal in refusals:
            log.warning("%s is not loaded everywhere: %s", name, refusal)
        return name

    async def _load_everywhere(
        self, model: str, *, anew: bool, grace: float
    ) -> tuple[str, list[HerosmithError]]:
        """Return the adapter's name at the servers, and what those say that have not loaded it.

        Raises the first refusal if none has.
        """
        try:
            await self._adapters.fetch(model, anew=anew)
            listed, refusals = await self._list_models(grace)
            name = await asyncio.to_thread(
                self._folder.publish, model, base_name(next(iter(listed.values())))
            )
        except OSError as error:
            raise UserError(
                "The adapter of {model} could not be stored ({reason}). An operator must look at "
                "ADAPTER_DIR.",
                model=model,
                reason=error.strerror or error,
            ) from error
        lacking = [server for server, cards in listed.items() if not is_listed(name, cards)]
        results = await asyncio.gather(*(_attempt(server.load(name)) for server in lacking))
        refusals += [
            self._named(server, result) for server, result in zip(lacking, results, strict=True) if result
        ]
        if len(refusals) == len(self._servers):
            raise refusals[0]
        return name, refusals

    async def _list_models(self, grace: float) -> tuple[dict[LoraServer, list[Model]], list[HerosmithError]]:
        """Return what each server has, and why others do not tell. Raises the first reason if none does.

        One that is starting is waited for; with several, `grace` seconds longer than the first that answers.
        """
        tasks = {asyncio.create_task(server.list_models()): server for server in self._servers}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            _, late = await asyncio.wait(tasks, timeout=grace)
        finally:
            for task in tasks:
                task.cancel()
        listed, refusals = {}, []
        for task, server in tasks.items():
            try:
                if task in late:
                    raise OutOfReach("The model is not answering right now. Try again in a minute.")
                listed[server] = task.result()
            except HerosmithError as error:
                refusals.append(self._named(server, error))
        if not listed:
            raise refusals[0]
        return listed, refusals

    def _named(self, server: LoraServer, error: HerosmithError) -> HerosmithError:
        """Return an error that says which of several servers it is about."""
        if len(self._servers) == 1 or isinstance(error, OutOfReach):
            return error
        reason = error.message if isinstance(error, UserError) else str(error)
        named = UserError("`{server}`: {reason}", server=server.address, reason=reason)
        named.__cause__ = error
        return named


async def _attempt(call: Awaitable[None]) -> HerosmithError | None:
    """Return why a call failed, None if it did not."""
    try:
        await call
    except HerosmithError as error:
        return error
    return None
