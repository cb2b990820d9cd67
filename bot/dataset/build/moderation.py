"""Moderation: the provider looks at every text before it may train, where an operator wishes it."""

from dataclasses import replace

from bot.dataset.build.example_selector import FLAGGED, Selection
from bot.llm.client import ModelClient
from bot.store import examples
from bot.store.database import Database


class Moderation:
    """Asks about texts that nobody has asked about, once each; `wanted` False: about none."""

    def __init__(self, db: Database, client: ModelClient, *, wanted: bool) -> None:
        self._db = db
        self._client = client
        self._wanted = wanted

    async def judge(self, choice: Selection) -> Selection:
        """The choice as it stands after moderation: what is flagged is accepted no more."""
        accepted = choice.accepted
        if not self._wanted or accepted is None or accepted.moderated:
            return choice
        if not await self.flagged(accepted.example_id, accepted.text):
            return choice
        return replace(choice, accepted=None, rejections=(*choice.rejections, FLAGGED))

    async def flagged(self, example_id: int, text: str) -> bool:
        """Whether the provider objects to an example's text; its word is kept."""
        if not self._wanted:
            return False
        flagged = await self._client.flagged(text)
        async with self._db.write() as tx:
            await examples.set_flagged(tx, example_id, flagged=flagged)
        return flagged
