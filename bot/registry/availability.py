"""Availability of models: whether the servers still have them, and until when."""

import asyncio
import logging
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime

from openai import AsyncOpenAI
from openai.pagination import AsyncPage
from openai.types import Model as ServerModel

from bot.errors import HerosmithError
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import RetryPolicy, expect_type, with_retries
from bot.registry.lora_deployment import LoraDeployment
from bot.store import models, notifications
from bot.store.database import Database
from bot.store.models import Model

log = logging.getLogger(__name__)

_RELOAD_TIMEOUT = 20.0  # seconds: somebody waits for a hero meanwhile
_POLICY = RetryPolicy(0, 1)  # no retries: the answer is good to know, no more
_WARNING_DAYS = (60, 30, 7, 1)  # days before the shutdown at which the admins are notified


class ModelAvailability:
    """Asks the servers that train and that answer chats (often the same) for the registry's models."""

    def __init__(
        self,
        db: Database,
        chat_apis: Sequence[AsyncOpenAI],
        training_api: AsyncOpenAI,
        lora: LoraDeployment | None,
    ) -> None:
        self._db = db
        self._chat_apis = chat_apis
        self._training_api = training_api
        self._lora = lora

    async def refresh(self, today: date | None = None) -> None:
        """Store each model's shutdown date, and warn the admins in time of the live one's.

        A server that does not answer changes nothing.
        """
        dates = await self.shutdown_dates()
        if dates is None:
            return
        async with self._db.write() as tx:
            for model in await models.list_all(tx):
                if model.state == "retired":
                    continue
                retires_on = first_shutdown(dates, model)
                if retires_on != model.retires_on:
                    await models.change(tx, model.id, retires_on=retires_on)
                if model.state == "live" and retires_on:
                    warning = _warning(model, retires_on, today)
                    if warning:
                        await notifications.add(tx, *warning, at=time.time())

    async def shutdown_dates(self) -> dict[str, str | None] | None:
        """Return every model that the servers list, with its announced last day (YYYY-MM-DD) or None.

        Return None if they do not answer.
        """
        try:
            listed = [await list_models(self._training_api), *await self._list_chat_models()]
        except HerosmithError as error:
            log.info("the servers list no models: %s", error)
            return None
        dates: dict[str, str | None] = {}
        for days in listed:
            dates |= {name: day or dates.get(name) for name, day in days.items()}
        return dates

    async def _list_chat_models(self) -> list[dict[str, str | None]]:
        """Return what each server lists that only answers chats. Raises HerosmithError if none does."""
        apis = [api for api in self._chat_apis if api is not self._training_api]
        results = await asyncio.gather(*map(list_models, apis), return_exceptions=True)
        listed = [result for result in results if isinstance(result, dict)]
        for result in results:
            if isinstance(result, BaseException) and not (listed and isinstance(result, HerosmithError)):
                raise result
        return listed

    async def is_missing(self, model: Model) -> bool:
        """Return whether all chat servers list models, but none of them this one."""
        try:
            listed = [await list_models(api) for api in self._chat_apis]
        except HerosmithError as error:
            log.warning("whether %s is missing is unknown: %s", model.name, error)
            return False
        return all(listed) and not {model.served_as, model.name} & set().union(*listed)

    async def reload(self, model: Model) -> Model | None:
        """Load an adapter again, if that is our task: a restarted server has forgotten its adapters.

        Return the model, with the name by which it is asked for now; None if no server has it.
        """
        if self._lora is None:
            return None
        try:
            async with asyncio.timeout(_RELOAD_TIMEOUT):
                served_as = await self._lora.reload(model.name)
        except (HerosmithError, TimeoutError) as error:
            log.warning("%s cannot be loaded again: %s", model.name, error)
            return None
        if model.served_as in (served_as, None):
            return model
        async with (
            self._db.write() as tx
        ):  # it was loaded under another name by hand, or by an earlier version
            await models.change(tx, model.id, served_as=served_as)
            return await models.get(tx, model.id)

    async def reload_served(self, served_as: str) -> bool:
        """Load an adapter again that one of several servers has forgotten, by the name that was asked for."""
        async with self._db.read() as tx:
            known = [each for each in await models.list_all(tx) if each.served_as == served_as]
        return bool(known) and await self.reload(known[-1]) is not None


async def list_models(api: AsyncOpenAI) -> dict[str, str | None]:
    """Return every model that a server lists, with its announced last day (YYYY-MM-DD) or None.

    Raises HerosmithError if it does not answer, or refuses.
    """

    async def page() -> AsyncPage[ServerModel]:
        return await api.models.list(timeout=10)

    found = await with_retries(expect_type(page, AsyncPage), _POLICY)
    return {each.id: (each.shutdown_date or "")[:10] or None for each in found.data or ()}


def first_shutdown(dates: dict[str, str | None], model: Model) -> str | None:
    """Return the first day on which a model or its base is shut down."""
    days: Iterable[str | None] = (
        dates.get(name) for name in (model.name, model.served_as or model.name, model.base)
    )
    return min((day for day in days if day), default=None)


def days_until(day: str, today: date | None = None) -> int | None:
    """Return the days from today (by default by UTC) until a day YYYY-MM-DD; None for another form."""
    try:
        return (date.fromisoformat(day) - (today or datetime.now(UTC).date())).days
    except ValueError:
        return None


def date_text(day: str, left: int | None) -> LocalizedMessage:
    """Return the day on which something ends, with the number of days left if there are any."""
    if left is None or left <= 0:
        return LocalizedMessage("on {day}", day=day)
    return LocalizedMessage.counted("on {day}, in {number} day", "on {day}, in {number} days", left, day=day)


def _warning(model: Model, day: str, today: date | None) -> tuple[str, LocalizedMessage] | None:
    """Return key and text of the warning of a live model's shutdown; None if it is far away."""
    left = days_until(day, today)
    if left is None:
        return None
    stage = min((days for days in _WARNING_DAYS if left <= days), default=None)
    if stage is None:
        return None
    text = LocalizedMessage(
        "⏳ Model {number}, which is live, or the model that it was trained from, is shut down {when}. "
        "Train another base model in time (`/finetune base-model:...`), or train on the embedded engine.",
        number=model.id,
        when=date_text(day, left),
    )
    return f"retires:{model.id}:{day}:{stage}", text
