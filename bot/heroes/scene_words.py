"""The words of data/heroes.toml for teams and stories."""

from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, Field

from bot.config import FrozenModel
from bot.heroes.hero import check_placeholders

TEAM_PLACES = ("first", "second", "third")
"""The names of the three heroes in a closing line."""


def _names_all(closing: str) -> str:
    """Return a closing line as it is. Raises ValueError unless it can name all three, and nothing else."""
    try:
        named = closing.format(**dict.fromkeys(TEAM_PLACES, "Robin"))
    except (KeyError, IndexError) as error:
        raise ValueError(f"{closing!r} has other words in braces than {', '.join(TEAM_PLACES)}") from error
    if named.count("Robin") < len(TEAM_PLACES):
        raise ValueError(f"{closing!r} does not name all of {', '.join(TEAM_PLACES)}")
    return closing


def _has_heroes_alone(prompt: str) -> str:
    """Return a team's prompt as it is. Raises ValueError unless {heroes} alone stands in braces."""
    try:
        told = prompt.format(heroes="Robin")
    except (KeyError, IndexError) as error:
        raise ValueError(f"{prompt!r} has other words in braces than heroes") from error
    if "Robin" not in told:
        raise ValueError(f"{prompt!r} does not have {{heroes}}")
    return prompt


_Phrases = Annotated[tuple[str, ...], Field(min_length=1)]


class SceneWords(FrozenModel):
    """What is given of teams and scenes to a model that continues a text, and what another one is asked.

    lead: how the deed of a hero begins, for an untuned model; {his} fits the gender.
    """

    occasions: _Phrases
    times: _Phrases
    lead: str
    closings: Annotated[tuple[Annotated[str, AfterValidator(_names_all)], ...], Field(min_length=1)]
    team_prompt: Annotated[str, AfterValidator(_has_heroes_alone)]
    team_member: Annotated[str, AfterValidator(check_placeholders)]
    scene_prompt: str

    def closing(self, template: str, names: Sequence[str]) -> str:
        """Return a closing line with the names of a team."""
        return template.format(**dict(zip(TEAM_PLACES, names, strict=True)))
