"""The engine for models of one's own: the one of this installation, also where the bot asks a hosted API."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from openai import AsyncOpenAI
from rich.console import Console

from bot.cli.engine_start import own_engine, shared_engine
from bot.errors import OperatorError
from bot.llm.client import open_api
from bot.processes import find_engine
from bot.settings import Settings
from bot.tuning.own_models import OwnModels
from bot.tuning.own_trainings import OwnTrainings
from bot.tuning.providers import provider_of
from bot.tuning.remote_api import FineTuningApi
from bot.tuning.remote_calls import FineTuningApiTiming

_POLL_SECONDS = 1.0
_FAREWELL_SECONDS = 20.0  # in which the other command learns that its training has ended, and how


@dataclass(frozen=True, slots=True)
class OwnEngine:
    """An engine that answers, with its models and trainings.

    is_ours: this command has started it, and starts it again if it dies. Another command's ends with that.
    """

    api: AsyncOpenAI
    fine_tuning: FineTuningApi
    models: OwnModels
    trainings: OwnTrainings
    is_ours: bool


def is_weights(base: str | None) -> bool:
    """Return whether a base names weights (a path, or an id of the Hugging Face Hub), not a known model."""
    if base is None or "/" in base:
        return base is not None
    try:
        return Path(base).exists()
    except OSError:  # too long to be the name of a file
        return False


@asynccontextmanager
async def open_engine(settings: Settings, base: str | None = None) -> AsyncIterator[OwnEngine]:
    """Connect to the engine that runs, else to one that is started for the block.

    An engine that was started stays after the block for trainings of other commands. base: the weights to
    load in place of those of the settings. Raises OperatorError if an engine runs that has others.
    """
    local = _local(settings)
    starts = await find_running(settings, base) is None
    engine = _with_base(local, base) if base else shared_engine(local)
    async with engine as reachable, connect(reachable, is_ours=starts) as connected:
        yield connected
        if starts:
            await _wait_for_others(connected.trainings)


async def _wait_for_others(trainings: OwnTrainings) -> None:
    """Wait until the engine trains for no other command, and say so."""
    said: list[str] = []
    while names := await trainings.in_training():
        if names != said:
            said = names
            Console(stderr=True).print(
                f"The engine of this command also trains {', '.join(names)}, and stays until that has ended. "
                "To end it now: Ctrl-C; what is learnt is kept.",
                highlight=False,
                markup=False,
                soft_wrap=True,
            )
        await asyncio.sleep(_POLL_SECONDS)
    if said:
        await asyncio.sleep(_FAREWELL_SECONDS)


@asynccontextmanager
async def connect(reachable: Settings, *, is_ours: bool = False) -> AsyncIterator[OwnEngine]:
    """Connect to the engine at the settings' address."""
    secret = reachable.engine_api_key
    url = str(reachable.engine_url)
    async with open_api(url, secret.get_secret_value() if secret else "none") as api:
        provider = provider_of(None, hosted=False, weights=reachable.tune)
        fine_tuning = FineTuningApi(api, provider, extra={}, timing=FineTuningApiTiming())
        models = OwnModels(api, fine_tuning)
        yield OwnEngine(api, fine_tuning, models, OwnTrainings(fine_tuning, models), is_ours)


async def find_running(settings: Settings, base: str | None) -> Settings | None:
    """Return the settings with the address of the engine that runs; None if none does.

    Raises OperatorError if it has other weights than base.
    """
    local = _local(settings)
    running = local if local.engine_url else await find_engine(local)
    if running and base and base not in (settings.engine_base, running.engine_base):
        raise OperatorError(
            f"An engine runs already, perhaps the bot's, and with another base than {base}: stop it first."
        )
    return running


def own_engine_at(settings: Settings, base: str | None, port: int) -> AbstractAsyncContextManager[Settings]:
    """Start an engine at a port for the block, without a key unless the settings have one."""
    local = _local(settings)
    chosen = local.model_copy(update={"engine_base": base}) if base else local
    return own_engine(chosen, port=port, needs_key=False)


def _local(settings: Settings) -> Settings:
    return settings.model_copy(update={"openai_api_key": None, "openai_base_url": None})


@asynccontextmanager
async def _with_base(settings: Settings, base: str) -> AsyncIterator[Settings]:
    if settings.engine_base == base:
        async with shared_engine(settings) as reachable:
            yield reachable
    elif running := await find_running(settings, base):
        yield running
    else:
        async with own_engine(settings.model_copy(update={"engine_base": base})) as reachable:
            yield reachable
