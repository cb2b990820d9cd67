"""Hero cards: pictures of descriptions, drawn in a thread and kept for a while in memory."""

import asyncio
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cards.card import Card, CardContent, alt_text, card_content
from bot.errors import UserError
from bot.heroes.config import HeroesConfig
from bot.heroes.hero import Hero
from bot.i18n.message import ENGLISH, Translator
from bot.store.descriptions import Description

if TYPE_CHECKING:
    from bot.cards.typesetting import Typesetter

_AT_ONCE = 2  # drawings: more would take the cores from the model
_KEPT = 64  # cards of some 40 KB
_SECONDS_KEPT = 600.0  # so long, at most, may a card outlive a text that another process deletes


class HeroCards:
    """Draws cards. Equal ones are drawn once, as long as they are kept.

    They are kept in memory and not in the data folder: a card takes less time to draw than a file that nobody
    may find after a deletion would take care, and backups have no pictures of texts that were deleted since.
    """

    def __init__(self, heroes: HeroesConfig, *, fonts: Path | None = None) -> None:
        """fonts: a folder with an owner's own fonts, in place of those that the machine has."""
        self._heroes = heroes
        self._fonts = fonts
        self._typesetter: Typesetter | None = None
        self._drawing = asyncio.Semaphore(_AT_ONCE)
        self._deletions = 0
        self._kept: OrderedDict[str, Card] = OrderedDict()

    async def draw(
        self,
        description: Description,
        *,
        team: Sequence[Hero] = (),
        dark: bool = False,
        ups: int = 0,
        downs: int = 0,
        t: Translator = ENGLISH,
    ) -> Card:
        """Return a description's card. Raise UserError if its text was deleted or is hidden.

        team: the heroes of a team, whose powers the card names. ups, downs: the votes that count; the card
        shows them if there are any.
        """
        check_visible(description)
        content = replace(self.content(description, team, t), dark=dark, ups=ups, downs=downs)
        key = f"{t.code}:{content.digest}"
        async with self._drawing:
            card = self._kept.get(key)
            if card is None:
                deletions = self._deletions
                card = await asyncio.to_thread(self._draw, content, alt_text(content, t))
                if deletions == self._deletions:  # it may be the text that was deleted meanwhile
                    self._keep(key, card)
        return card

    def content(self, description: Description, team: Sequence[Hero], t: Translator) -> CardContent:
        """Return what stands on a description's light card, without votes."""
        author = (
            t("Written by model {number}", number=description.version)
            if description.tuned
            else t("Written by the base model")
        )
        vocabulary = self._heroes.vocabulary
        return card_content(
            description.hero,
            description.text,
            author,
            vocabulary,
            self._heroes.curation,
            vocabulary.team_title(team, t) if team else "",
        )

    def forget(self) -> None:
        """Drop all cards that are kept, and keep none that is being drawn: somebody had texts deleted."""
        self._deletions += 1
        self._kept.clear()

    def _keep(self, key: str, card: Card) -> None:
        self._kept[key] = card
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        asyncio.get_running_loop().call_later(_SECONDS_KEPT, self._kept.pop, key, None)

    def _draw(self, content: CardContent, said: str) -> Card:
        """Draw a card, in a thread."""
        from bot.cards.fonts import Fonts  # noqa: PLC0415 (Pillow is loaded by the first card)
        from bot.cards.picture import draw_picture, legible  # noqa: PLC0415
        from bot.cards.typesetting import Typesetter  # noqa: PLC0415

        if self._typesetter is None:
            self._typesetter = Typesetter(Fonts(self._fonts))
        shown = legible(content, self._typesetter)
        lacks = bool(content.power and not shown.power) or bool(content.name and not shown.name)
        return Card(draw_picture(shown, self._typesetter), said, f"hero-{content.digest[:12]}.png", lacks)


def check_visible(description: Description) -> None:
    """Raise UserError if a description's text was deleted or is hidden."""
    if not description.text:
        raise UserError("The person who asked for it had it deleted.")
    if description.removed_by_operators:
        raise UserError("Operators have removed this description.")
    if description.removed_at is not None:
        raise UserError("This description is hidden: people have reported it.")
