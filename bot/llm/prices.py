"""Prices: what models cost, and when and where each price was read."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError

from bot.config import FrozenModel
from bot.errors import SettingsError
from bot.i18n.message import LocalizedMessage, mark

_DATE_SUFFIX = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_MILLION = 1_000_000
_THIS_MACHINE = mark("this machine")


class Price(FrozenModel):
    """US dollars per million tokens.

    batch: the factor on the price through the Batch API, for example 0.5; None if there is none.
    """

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    batch: float | None = Field(default=None, ge=0, le=1)
    training: float | None = Field(default=None, ge=0)
    read_on: date | None = None
    source: str = ""

    def cost(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        """Return the cost of these tokens in US dollars."""
        cost = (prompt_tokens * self.input + completion_tokens * self.output) / _MILLION
        return cost * self.batch if batch and self.batch is not None else cost

    @property
    def location(self) -> LocalizedMessage | str:
        """Where a model that costs nothing runs."""
        if not self.source:
            return LocalizedMessage("a server of your own")
        return LocalizedMessage(self.source) if self.source == _THIS_MACHINE else self.source

    @property
    def citation(self) -> LocalizedMessage | str:
        """When and where the price was read, as the end of a sentence."""
        link = f" (<{self.source}>)" if self.source.startswith("http") else ""
        if self.read_on is None:
            return link
        return LocalizedMessage(", as of {day}{link}", day=self.read_on.isoformat(), link=link)


_FREE = Price(input=0, output=0, batch=1, training=0, source=_THIS_MACHINE)


class _PricesFile(FrozenModel):
    models: dict[str, Price] = Field(default_factory=dict)


class Prices:
    """Looks up the price of a model. free: every model costs nothing, as on the embedded engine."""

    def __init__(self, prices: Mapping[str, Price], *, free: bool) -> None:
        self._prices = prices
        self._free = free

    def of(self, model: str) -> Price | None:
        """Return the price of a model, or of the model of which it is a dated version.

        None if it is unknown, which is not 0.
        """
        if self._free:
            return _FREE
        if model.startswith("ft:"):  # OpenAI's name for a tuned model: ft:base:organization:suffix:id
            model = ":".join(model.split(":")[:2])
        return self._prices.get(model) or self._prices.get(_DATE_SUFFIX.sub("", model))

    def cost(
        self, model: str, prompt_tokens: int, completion_tokens: int, *, batch: bool = False
    ) -> float | None:
        """Return what a call, or a batch of them, costs in US dollars; None if the price is unknown."""
        price = self.of(model)
        return None if price is None else price.cost(prompt_tokens, completion_tokens, batch=batch)

    def max_batch_cost(self, model: str, prompt_tokens: int, completion_tokens: int) -> float:
        """Return the maximum cost of a batch over these tokens; 0 if the price is unknown."""
        return self.cost(model, prompt_tokens, completion_tokens, batch=True) or 0.0

    def training_cost(self, model: str, tokens: int) -> float | None:
        """Return the cost of a training over these tokens; None if it is unknown."""
        price = self.of(model)
        return None if price is None or price.training is None else tokens * price.training / _MILLION


def read_prices(path: Path, *, free: bool) -> Prices:
    """Read data/prices.toml. Raises SettingsError, naming what is wrong in it."""
    try:
        models = _PricesFile.model_validate(tomllib.loads(path.read_text(encoding="utf-8-sig"))).models
    except ValidationError as error:
        problems = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(problems)}") from error
    except OSError as error:  # its own text has the path once more
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return Prices(models, free=free)
