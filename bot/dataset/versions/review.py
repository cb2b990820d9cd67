"""Review: operators judge examples one by one. Their verdict overrides curation."""

import time
from dataclasses import dataclass

from bot.errors import UserError
from bot.heroes.curation import Curation
from bot.store import datasets, examples
from bot.store.database import Database
from bot.store.datasets import Unreviewed
from bot.store.examples import Verdict

MAX_LENGTH = 4000  # characters, the limit of a Discord text input


@dataclass(frozen=True, slots=True)
class ReviewPage:
    """The next example to review, and how many of its dataset remain, including this one."""

    version: int
    example: Unreviewed
    remaining: int


class Reviews:
    """Show a dataset's examples and save the verdicts.

    Verdicts take effect in the next build, since a dataset never changes.
    """

    def __init__(self, db: Database, curation: Curation) -> None:
        self._db = db
        self._curation = curation

    async def next(self, version: int | None = None) -> ReviewPage | None:
        """Return the first example of a version (None: the newest) without a verdict. None: all have one.

        Raises UserError if there is no such version, or no model wrote any of its texts here.
        """
        async with self._db.read() as tx:
            dataset = await (datasets.get_latest(tx) if version is None else datasets.get(tx, version))
            if dataset is None:
                raise UserError("There is no such dataset yet. Make one with `{/build-dataset}`.")
            if not dataset.counts.get("example"):
                raise UserError(
                    "Only examples that a model wrote here can be reviewed, and dataset v{version} has "
                    "none. `{/build-dataset}` writes some.",
                    version=dataset.id,
                )
            example, remaining = await datasets.get_unreviewed(tx, dataset.id)
        return ReviewPage(dataset.id, example, remaining) if example else None

    async def judge(self, example_id: int, verdict: Verdict, edited: str | None = None) -> None:
        """Save a verdict.

        edited: the text that replaces the answer, for the verdict edit. Raises UserError if it is empty.
        """
        if verdict == "edit" and not (edited or "").strip():
            raise UserError("The text is empty. Write one, or reject the example.")
        async with self._db.write() as tx:
            if await examples.get(tx, example_id) is None:
                raise UserError("That example is not there any more.")
            text = " ".join(edited.split()) if edited else None
            await examples.set_review(tx, example_id, verdict, edited=text, at=time.time())

    async def current_text(self, example_id: int) -> str:
        """Return the edited text of an example, or else its trimmed answer."""
        async with self._db.read() as tx:
            example = await examples.get(tx, example_id)
        if example is None:
            raise UserError("That example is not there any more.")
        return example.edited or self._curation.trim(example.answer)
