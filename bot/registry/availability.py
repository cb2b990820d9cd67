"""Upkeep: what the servers say of our models: whether they are still there, and until when."""

import asyncio
import logging
import time
from collections.abc import Iterable
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

_RELOAD_TIMEOUT = 20.0  # seconds: somebody waits for a hero
_POLICY = RetryPolicy(0, 1)  # what is asked for here is good to know, and no more
_WARNING_DAYS = (60, 30, 7, 1)  # days before the end, at each of which the admins are told


class ModelAvailability:
    """Asks the servers that train and that answer (often one) after the models of the registry."""

    def __init__(
        self, db: Database, answering: AsyncOpenAI, training: AsyncOpenAI, serving: LoraDeployment | None
    ) -> None:
        self._db = db
        self._answering = answering
        self._training = training
        self._serving = serving

    async def refresh(self) -> None:
        """Note until when each model lives, and tell the admins in time of the live one's end.

        A server that does not answer changes nothing.
        """
        ends = await self.shutdown_dates()
        if ends is None:
            return
        async with self._db.write() as tx:
            for model in await models.every(tx):
                if model.state == "retired":
                    continue
                retires_on = _first_shutdown(ends, model)
                if retires_on != model.retires_on:
                    await models.change(tx, model.id, retires_on=retires_on)
                if model.state == "live" and retires_on:
                    notice = _warning(model, retires_on)
                    if notice:
                        await notifications.add(tx, *notice, at=time.time())

    async def shutdown_dates(self) -> dict[str, str | None] | None:
        """Every model that the servers list, with its announced last day (YYYY-MM-DD) or None.

        None where they do not answer.
        """
        try:
            apis = dict.fromkeys((self._training, self._answering))  # often one
            listed = [await _list_models(api) for api in apis]
        except HerosmithError as error:
            log.info("the servers list no models: %s", error)
            return None
        ends: dict[str, str | None] = {}
        for each in listed:
            ends |= {name: day or ends.get(name) for name, day in each.items()}
        return ends

    async def is_missing(self, model: Model) -> bool:
        """Whether the server that answers lists models, and this one is not among them."""
        try:
            listed = await _list_models(self._answering)
            return bool(listed) and not {model.served_as, model.name} & listed.keys()
        except HerosmithError as error:
            log.warning("whether %s is lost cannot be told: %s", model.name, error)
            return False

    async def reload(self, model: Model) -> bool:
        """Load a model anew where that is ours to do: a restarted server has forgotten its adapters."""
        if self._serving is None:
            return False
        try:
            async with asyncio.timeout(_RELOAD_TIMEOUT):
                await self._serving.deploy(model.name)
        except (HerosmithError, TimeoutError) as error:
            log.warning("%s cannot be loaded anew: %s", model.name, error)
            return False
        return True


async def _list_models(api: AsyncOpenAI) -> dict[str, str | None]:
    async def page() -> AsyncPage[ServerModel]:
        return await api.models.list(timeout=10)

    found = await with_retries(expect_type(page, AsyncPage), _POLICY)
    return {each.id: (each.shutdown_date or "")[:10] or None for each in found.data or ()}


def _first_shutdown(ends: dict[str, str | None], model: Model) -> str | None:
    """The day on which a model or what it was tuned from ends, whichever comes first."""
    days: Iterable[str | None] = (
        ends.get(name) for name in (model.name, model.served_as or model.name, model.base)
    )
    return min((day for day in days if day), default=None)


def days_until(day: str) -> int | None:
    """Days from today (UTC) until a day of the form YYYY-MM-DD; None where it is of another form."""
    try:
        return (date.fromisoformat(day) - datetime.now(UTC).date()).days
    except ValueError:
        return None


def date_text(day: str, left: int | None) -> LocalizedMessage:
    """When something ends: the day, and how many days are left where there are any."""
    if left is None or left <= 0:
        return LocalizedMessage("on {day}", day=day)
    return LocalizedMessage.counted("on {day}, in {number} day", "on {day}, in {number} days", left, day=day)


def _warning(model: Model, day: str) -> tuple[str, LocalizedMessage] | None:
    """Key and text of what the admins are told of a live model's end; None where it is far away."""
    left = days_until(day)
    if left is None:
        return None
    stage = min((each for each in _WARNING_DAYS if left <= each), default=None)
    if stage is None:
        return None
    text = LocalizedMessage(
        "⏳ The live model {number}, `{name}`, or its base `{base}` is shut down {when}. "
        "Tune another base in time (`/finetune base-model:...`), or train on the embedded engine.",
        number=model.id,
        name=model.name,
        base=model.base,
        when=date_text(day, left),
    )
    return f"retires:{model.id}:{day}:{stage}", text
