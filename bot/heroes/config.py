"""The file data/heroes.toml, read into the parts that the rooms use."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from bot.errors import SettingsError
from bot.heroes.curation import Curation
from bot.heroes.prompts import Prompts
from bot.heroes.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class HeroesConfig:
    vocabulary: Vocabulary
    prompts: Prompts
    curation: Curation


def read_heroes(path: Path) -> HeroesConfig:
    """Read the file. Raises SettingsError naming what is wrong in it, field by field."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        heroes = HeroesConfig(
            Vocabulary.model_validate({name: raw.pop(name, None) for name in Vocabulary.model_fields}),
            Prompts.model_validate({name: raw.pop(name, None) for name in Prompts.model_fields}),
            Curation.model_validate(raw),
        )
    except ValidationError as error:
        faults = (": ".join(filter(None, _place_and_reason(item))) for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(faults)}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
    _check_genders(heroes, path)
    return heroes


def _place_and_reason(item: ErrorDetails) -> tuple[str, str]:
    return ".".join(map(str, item["loc"])), item["msg"].removeprefix("Value error, ")


def _check_genders(heroes: HeroesConfig, path: Path) -> None:
    """See that there are words for every gender. Raises SettingsError where there are none."""
    profile = heroes.prompts.profile
    words: dict[str, Mapping[str, object]] = {
        "pronouns": heroes.curation.pronouns,
        "profile.forms": profile.forms,
        "profile.names": profile.names,
    }
    for gender in heroes.vocabulary.grid.genders:
        for table, known in words.items():
            if not known.get(gender):
                raise SettingsError(
                    f"{path} needs mending: the grid has the gender {gender!r}, and [{table}] no words for it"
                )
