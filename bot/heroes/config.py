"""Read data/heroes.toml, and the plots that it names."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.errors import NotUnderstood, SettingsError
from bot.heroes.curation import Curation
from bot.heroes.plots import read_plots
from bot.heroes.prompts import Prompts
from bot.heroes.vocabulary import Vocabulary
from bot.shipped_files import shipped


@dataclass(frozen=True, slots=True)
class HeroesConfig:
    """The contents of data/heroes.toml, by the part of the product that uses them."""

    vocabulary: Vocabulary
    prompts: Prompts
    curation: Curation

    @property
    def unknown_plot_powers(self) -> list[str]:
        """The powers of plots that are neither in the grid nor in the vocabulary, in alphabetical order."""
        grid = self.vocabulary.grid
        known = {*self.vocabulary.powers, *grid.other_powers}
        return sorted({power for plot in self.prompts.profile.plots for power in plot.powers} - known)


def read_heroes(path: Path) -> HeroesConfig:
    """Read and check the file. Raise SettingsError that lists every faulty field."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        vocabulary, prompts = (
            {name: table for name, table in raw.items() if name in model.model_fields}
            for model in (Vocabulary, Prompts)
        )
        rules = {name: table for name, table in raw.items() if name not in {**vocabulary, **prompts}}
        if "names" in rules:
            raise SettingsError(
                f"{path} needs mending: [names] is not read. Put its lists into [profile.names], which "
                "curation reads as well"
            )
        if plots := plots_file(path, raw):
            prompts["profile"] = {**prompts["profile"], "plots": read_plots(plots)}
        read_prompts = Prompts.model_validate(prompts)
        heroes = HeroesConfig(
            Vocabulary.model_validate(vocabulary),
            read_prompts,
            Curation.model_validate(rules | {"names": read_prompts.profile.names}),
        )
    except ValidationError as error:
        mistakes = (": ".join(filter(None, _location_and_reason(item))) for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(mistakes)}") from error
    except OSError as error:  # its own text has the path once more
        raise SettingsError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    _check_genders(heroes, path)
    _check_example(heroes.vocabulary, path)
    return heroes


def plots_file(path: Path, raw: Mapping[str, object]) -> Path | None:
    """Return the file of plots that a heroes file names, if it names one; raw: what it holds.

    It lies beside the heroes file. If there is none, it is the one that comes with the program: so a copy of
    data/heroes.toml may be changed alone.
    """
    profile = raw.get("profile")
    name = profile.get("plots") if isinstance(profile, dict) else None
    if not isinstance(name, str):
        return None
    own, ours = path.parent / name, shipped("data") / name
    return ours if ours.exists() and not own.exists() else own


def _location_and_reason(item: ErrorDetails) -> tuple[str, str]:
    return ".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")


def _check_genders(heroes: HeroesConfig, path: Path) -> None:
    """Raise SettingsError if a table of the file has no words for a gender that may be asked for."""
    profile = heroes.prompts.profile
    words: dict[str, Mapping[str, object]] = {
        "pronouns": heroes.curation.pronouns,
        "profile.forms": profile.forms,
        "profile.names": profile.names,
    }
    for gender in heroes.vocabulary.genders:
        for table, known in words.items():
            if not known.get(gender):
                raise SettingsError(
                    f"{path} needs mending: the grid has the gender {gender!r}, and [{table}] no words for it"
                )


def _check_example(vocabulary: Vocabulary, path: Path) -> None:
    """Raise SettingsError if the example of the file cannot be asked for."""
    if "words" not in vocabulary.model_fields_set:  # as in files of older versions
        return
    try:
        vocabulary.parse(vocabulary.words.example)
    except NotUnderstood as error:
        raise SettingsError(f"{path} needs mending: words.example: {error}") from error
