"""Plots: scenes, deeds and endings that belong together, which a small author's texts tell."""

import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from bot.config import FrozenModel
from bot.errors import SettingsError

_Part = Annotated[str, Field(min_length=1)]


class Plot(FrozenModel):
    """A scene, a deed and an ending with words in braces, and the powers that the deed shows."""

    powers: Annotated[tuple[str, ...], Field(min_length=1)]
    scene: _Part
    deed: _Part
    ending: _Part

    @property
    def scene_and_deed(self) -> str:
        return f"{self.scene}, {self.deed}."

    @property
    def template(self) -> str:
        """All of the plot, as it ends a text."""
        return f"{self.scene_and_deed} {self.ending}"


class _PlotsFile(FrozenModel):
    plots: tuple[Plot, ...]


def read_plots(path: Path) -> tuple[Plot, ...]:
    """Read and check a file of plots. Raise SettingsError that lists every faulty field."""
    try:
        return _parse(path.read_text(encoding="utf-8-sig"))
    except ValidationError as error:
        mistakes = (f"{_place(item)}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(mistakes)}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error


def _place(item: ErrorDetails) -> str:
    """Return where a mistake is, with the scene of a plot that lacks a part: nobody counts hundreds."""
    place = ".".join(map(str, item["loc"]))
    plot: Mapping[str, Any] = item["input"] if isinstance(item["input"], dict) else {}
    return f'{place} (of "{plot["scene"]}")' if plot.get("scene") else place


@lru_cache(maxsize=2)  # 800 plots take a fifth of a second, and a process reads the same ones again
def _parse(text: str) -> tuple[Plot, ...]:
    return _PlotsFile.model_validate(tomllib.loads(text)).plots
