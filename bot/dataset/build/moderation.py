"""Moderation: check texts with the provider's moderation endpoint before they may train, if enabled."""

from dataclasses import replace

from bot.dataset.build.example_selector import FLAGGED, Selection
from bot.llm.client import ModelClient
from bot.store import examples, ranked_texts
from bot.store.database import Database
from bot.store.ranked_texts import RankedText


class Moderation:
    """Check each text once, and save the outcome. If not enabled, flag nothing."""

    def __init__(self, db: Database, client: ModelClient, *, enabled: bool) -> None:
        self._db = db
        self._client = client
        self._enabled = enabled

    async def check(self, selection: Selection) -> Selection:
        """Return the selection, with its accepted text rejected if it is flagged."""
        accepted = selection.accepted
        if not self._enabled or accepted is None or accepted.is_moderated:
            return selection
        if not await self.is_flagged(accepted.example_id, accepted.text):
            return selection
        return replace(selection, accepted=None, rejections=(*selection.rejections, FLAGGED))

    async def is_ranked_flagged(self, ranked: RankedText, text: str) -> bool:
        """Ask the provider about a text that the ranker would take, once, and save the answer."""
        if not self._enabled or ranked.flagged is not None:
            return bool(ranked.flagged)
        flagged = await self._client.flagged(text)
        async with self._db.write() as tx:
            await ranked_texts.set_flagged(tx, ranked.id, flagged=flagged)
        return flagged

    async def is_flagged(self, example_id: int, text: str) -> bool:
        """Ask the provider about an example's text, and save the answer."""
        if not self._enabled:
            return False
        flagged = await self._client.flagged(text)
        async with self._db.write() as tx:
            await examples.set_flagged(tx, example_id, flagged=flagged)
        return flagged
