"""Review: a person looks at examples one by one, and has the last word on each."""

import time
from dataclasses import dataclass

from bot.errors import UserError
from bot.heroes.curation import Curation
from bot.store import datasets, examples
from bot.store.database import Database
from bot.store.datasets import Unreviewed
from bot.store.examples import Verdict

LONGEST = 4000  # characters that a form takes


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """One example to look at, and how many of its dataset's are left, this one among them."""

    version: int
    example: Unreviewed
    left: int


class Reviews:
    """Shows a dataset's examples and keeps the verdicts.

    They count from the next build on: a dataset never changes.
    """

    def __init__(self, db: Database, curation: Curation) -> None:
        self._db = db
        self._curation = curation

    async def next(self, version: int | None = None) -> ReviewPage | None:
        """The first example of a version (None: the newest) that nobody has judged; None where all are.

        Raises UserError where there is no such version.
        """
        async with self._db.read() as tx:
            found = await (datasets.get_latest(tx) if version is None else datasets.get(tx, version))
            if found is None:
                raise UserError("There is no such dataset yet. Make one with /build-dataset.")
            example, left = await datasets.get_unreviewed(tx, found.id)
        return ReviewPage(found.id, example, left) if example else None

    async def judge(self, example_id: int, verdict: Verdict, edited: str | None = None) -> None:
        """Keep a verdict; edited is the text to take in place of the answer.

        Raises UserError where it is empty.
        """
        if verdict == "edit" and not (edited or "").strip():
            raise UserError("The text is empty. Reject the example if it is not to be used.")
        async with self._db.write() as tx:
            if await examples.get(tx, example_id) is None:
                raise UserError("That example is not there any more.")
            text = " ".join(edited.split()) if edited else None
            await examples.set_review(tx, example_id, verdict, edited=text, at=time.time())

    async def text(self, example_id: int) -> str:
        """What stands for an example now: the edited text, or the answer."""
        async with self._db.read() as tx:
            found = await examples.get(tx, example_id)
        if found is None:
            raise UserError("That example is not there any more.")
        return found.edited or self._curation.trim(found.answer)
