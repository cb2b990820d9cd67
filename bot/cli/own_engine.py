"""The engine for models of one's own: the one of this installation, also where the bot asks a hosted API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.errors import OperatorError
from bot.llm.client import open_api
from bot.processes import find_engine, run_engine, share_engine
from bot.settings import Settings
from bot.tuning.own_models import OwnModels


def is_weights(base: str | None) -> bool:
    """Return whether a base names weights (a path, or an id of the Hugging Face Hub), not a known model."""
    return base is not None and ("/" in base or Path(base).exists())


@asynccontextmanager
async def own_models(settings: Settings, base: str | None = None) -> AsyncIterator[OwnModels]:
    """Open the models of the engine that runs, else of one that is started for the block.

    base: the weights to load in place of those of the settings. Raises OperatorError if an engine runs that
    has others.
    """
    local = settings.model_copy(update={"openai_api_key": None, "openai_base_url": None})
    engine = _with_base(local, base) if base else share_engine(local)
    async with engine as reachable:
        secret = reachable.engine_api_key
        url = str(reachable.engine_url)
        async with open_api(url, secret.get_secret_value() if secret else "none") as api:
            yield OwnModels(api, weights=settings.tune)


@asynccontextmanager
async def _with_base(settings: Settings, base: str) -> AsyncIterator[Settings]:
    if settings.engine_base == base:
        async with share_engine(settings) as reachable:
            yield reachable
        return
    if settings.engine_url or await find_engine(settings):
        raise OperatorError(
            f"An engine runs already, perhaps the bot's, and with another base than {base}: stop it first."
        )
    async with run_engine(settings.model_copy(update={"engine_base": base})) as reachable:
        yield reachable
