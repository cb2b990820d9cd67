"""What stands on a card, and the picture that is made of it."""

import hashlib
import json
from dataclasses import asdict, dataclass

from bot.cards.excerpt import best_sentence, name_in
from bot.heroes.curation import Curation
from bot.heroes.hero import Hero
from bot.heroes.power_families import family_of
from bot.heroes.vocabulary import Vocabulary
from bot.i18n.message import ENGLISH, Translator


@dataclass(frozen=True, slots=True)
class CardContent:
    """The words of a card, and what its emblem is drawn from.

    name: "" if the text gives none. about: age and gender, in words. author: the model, in words.
    A team has its title as the power, and neither name nor about.
    """

    name: str
    about: str
    power: str
    sentence: str
    author: str
    ups: int = 0
    downs: int = 0
    family: str = ""
    seed: int = 0
    dark: bool = False

    @property
    def digest(self) -> str:
        """What tells cards apart: two with the same digest are the same picture."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Card:
    """A card as a file. plain: the picture lacks a word that no font can show; say the hero in the message.

    alt_text: the picture in words, for those who do not see it.
    """

    png: bytes
    alt_text: str
    file_name: str
    plain: bool = False


def card_content(
    hero: Hero,
    text: str,
    author: str,
    vocabulary: Vocabulary,
    curation: Curation,
    team: str = "",
) -> CardContent:
    """Return the card of a hero's text, without votes. team: the title of a team, which tells of several."""
    seed = hashlib.sha256(f"{hero.power}\n{text}".encode()).digest()
    about, power = ("", team) if team else vocabulary.about_and_power(hero)
    return CardContent(
        "" if team else name_in(text, curation),
        about,
        power,
        best_sentence(hero, text, curation),
        author,
        family=family_of(hero.power) or "",
        seed=int.from_bytes(seed[:6]),
    )


def alt_text(content: CardContent, t: Translator = ENGLISH) -> str:
    """Return a card in words, no longer than Discord takes."""
    parts = [
        t("Hero card: {hero}.", hero=", ".join(filter(None, (content.name, content.about, content.power)))),
        f"“{content.sentence}”" if content.sentence else "",
        f"{content.author}.",
    ]
    if content.ups or content.downs:
        parts.append(t("{ups} liked it, {downs} did not.", ups=content.ups, downs=content.downs))
    said = " ".join(filter(None, parts))
    return said if len(said) <= _LONGEST_ALT else f"{said[: _LONGEST_ALT - 1]}…"


_LONGEST_ALT = 1024  # characters, by Discord's limit
