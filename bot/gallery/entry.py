"""One text of a gallery: what the page shows, a line of the JSON file, and a character card."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.heroes.hero import Hero
from bot.store.descriptions import Description

_SCHEMA = 1  # of extensions.herosmith


@dataclass(frozen=True, slots=True)
class GalleryEntry:
    """A text with its votes that count. It says nothing about who asked for it or where.

    name: of the hero, "" if the text gives none. titles: of the hero, or of each hero of a team. author: who
    wrote it, in words; blind: that is not told yet. picture: the path of its card beside the page, if any.
    """

    description: Description
    heroes: tuple[Hero, ...]
    name: str
    titles: tuple[str, ...]
    author: str
    blind: bool
    ups: int
    downs: int
    picture: str | None = None

    @property
    def id(self) -> int:
        return self.description.id

    @property
    def day(self) -> str:
        return f"{datetime.fromtimestamp(self.description.created_at, UTC):%Y-%m-%d}"

    @property
    def powers(self) -> list[str]:
        return list(dict.fromkeys(hero.power for hero in self.heroes))

    def row(self) -> dict[str, Any]:
        """Return it as a line of heroes.jsonl, and as what the page's script reads."""
        return {
            "id": self.id,
            "kind": self.description.kind,
            "name": self.name,
            "titles": list(self.titles),
            "powers": self.powers,
            "heroes": [hero.as_dict() for hero in self.heroes],
            "text": self.description.text,
            "ups": self.ups,
            "downs": self.downs,
            "author": self.author,
            "day": self.day,
            "picture": self.picture,
        }

    def character_card(self) -> dict[str, Any]:
        """Return it as a character card of version 2, which programs to chat with characters read.

        The bot writes a description and nothing else: what such a card may say besides (a greeting, a way of
        speaking, a scenario) is empty, as the format allows.
        """
        notes = f"{' · '.join(self.titles)}. {self.author}, {self.day}, 👍 {self.ups} 👎 {self.downs}."
        return {
            "spec": "chara_card_v2",
            "spec_version": "2.0",
            "data": {
                "name": self.name or " · ".join(self.titles),
                "description": self.description.text,
                "personality": "",
                "scenario": "",
                "first_mes": "",
                "mes_example": "",
                "creator_notes": notes,
                "system_prompt": "",
                "post_history_instructions": "",
                "alternate_greetings": [],
                "tags": list(dict.fromkeys([*self.powers, *(hero.gender for hero in self.heroes)])),
                "creator": "Herosmith",
                "character_version": "1",
                "extensions": {
                    "herosmith": {
                        "schema": _SCHEMA,
                        "id": self.id,
                        "kind": self.description.kind,
                        "heroes": [hero.as_dict() for hero in self.heroes],
                        "ups": self.ups,
                        "downs": self.downs,
                        "day": self.day,
                    }
                },
            },
        }
