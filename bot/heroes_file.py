"""The file data/heroes.toml, read into the parts that the rooms use."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from bot.dataset.curate import Curation
from bot.errors import SettingsError
from bot.hero import Vocabulary
from bot.prompts import Prompts


@dataclass(frozen=True, slots=True)
class HeroesFile:
    vocabulary: Vocabulary
    prompts: Prompts
    curation: Curation


def read_heroes(path: Path) -> HeroesFile:
    """Read the file. Raises SettingsError naming what is wrong in it, field by field."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        return HeroesFile(
            Vocabulary.model_validate({name: raw.pop(name, None) for name in Vocabulary.model_fields}),
            Prompts.model_validate({name: raw.pop(name, None) for name in Prompts.model_fields}),
            Curation.model_validate(raw),
        )
    except ValidationError as error:
        faults = (f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        raise SettingsError(f"{path} needs mending: {'; '.join(faults)}") from error
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {error}") from error
