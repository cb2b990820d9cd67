"""Prices: what models cost, with the day and the place where each price was read."""

import re
import tomllib
from collections.abc import Mapping
from datetime import date
from pathlib import Path

from pydantic import Field, ValidationError

from bot.config import FrozenModel
from bot.errors import SettingsError
from bot.i18n.message import LocalizedMessage, mark

_DATED = re.compile(r"-\d{4}-?\d{2}-?\d{2}$")
_MILLION = 1_000_000
_HERE = mark("this machine")


class Price(FrozenModel):
    """US dollars per million tokens.

    Batch is the part of them that the Batch API takes, None where it has none.
    """

    input: float = Field(ge=0)
    output: float = Field(ge=0)
    batch: float | None = Field(default=None, ge=0, le=1)
    training: float | None = Field(default=None, ge=0)
    read_on: date | None = None
    source: str = ""

    def cost(self, prompt_tokens: int, completion_tokens: int, *, batch: bool = False) -> float:
        """US dollars for so many tokens."""
        whole = (prompt_tokens * self.input + completion_tokens * self.output) / _MILLION
        return whole * self.batch if batch and self.batch is not None else whole

    @property
    def location(self) -> LocalizedMessage | str:
        """Where a model is that costs nothing."""
        if not self.source:
            return LocalizedMessage("a server of your own")
        return LocalizedMessage(self.source) if self.source == _HERE else self.source

    @property
    def citation(self) -> LocalizedMessage | str:
        """When and where a price was read, as a sentence ends with it."""
        link = f" (<{self.source}>)" if self.source.startswith("http") else ""
        if self.read_on is None:
            return link
        return LocalizedMessage(", as of {day}{link}", day=self.read_on.isoformat(), link=link)


_FREE = Price(input=0, output=0, batch=1, training=0, source=_HERE)


class _File(FrozenModel):
    models: dict[str, Price] = Field(default_factory=dict)


class Prices:
    """Finds a model's price. On the embedded engine everything is free: `free` says that it answers."""

    def __init__(self, listed: Mapping[str, Price], *, free: bool) -> None:
        self._listed = listed
        self._free = free

    def of(self, model: str) -> Price | None:
        """The price of a model or of the one whose dated version it is.

        None where it is unknown, which is not 0.
        """
        if self._free:
            return _FREE
        if model.startswith("ft:"):  # OpenAI's name for a tuned model: ft:base:organization:suffix:id
            model = ":".join(model.split(":")[:2])
        return self._listed.get(model) or self._listed.get(_DATED.sub("", model))


def read_prices(path: Path, *, free: bool) -> Prices:
    """Read data/prices.toml. Raises SettingsError naming what is wrong in it."""
    try:
        listed = _File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).models
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(faults)}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    return Prices(listed, free=free)
