"""The texts of a dataset, and the answers of models that it left out, to be looked through."""

import asyncio
from collections import Counter
from dataclasses import dataclass

from bot.dataset.build.example_selector import ExampleSelector
from bot.dataset.build.plan import Slot
from bot.errors import UserError
from bot.heroes.hero import Hero
from bot.heroes.prompts import Prompts
from bot.i18n.message import mark
from bot.rating.scores import Scores
from bot.store import datasets, examples
from bot.store.database import Database
from bot.store.datasets import Item, Source, Split
from bot.store.examples import StoredAnswer, Verdict

NOT_CHOSEN = mark("not in this dataset")
PAGE = 20  # texts

Judgement = tuple[str, str | None]  # the trimmed text, and why it may not train


@dataclass(frozen=True, slots=True)
class BrowsedText:
    """A text of a dataset, or one that it left out.

    worse: the other text of a pair, or the only one if it was voted down by itself. split and reason: where
    it is in the dataset, or why it is not.
    example_id and verdict: of an answer that can be reviewed, and what an operator decided. votes: those that
    count, for and against a text of people.
    """

    prompt: str
    text: str
    worse: str | None
    source: Source
    split: Split | None
    reason: str | None
    example_id: int | None
    verdict: Verdict | None
    votes: tuple[int, int] | None

    @property
    def score(self) -> float | None:
        """The share of votes for it, 0 to 1; None without votes."""
        return self.votes[0] / sum(self.votes) if self.votes and sum(self.votes) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFilter:
    """Which texts to show. source: None for all. left_out: those that the dataset does not have.

    reason: why they were left out, None for any. score: the least share of votes for them, 0 to 1; texts
    without votes are left away then.
    """

    source: str | None = None
    left_out: bool = False
    reason: str | None = None
    score: float | None = None

    def fits(self, text: BrowsedText) -> bool:
        """Return whether a text is to be shown."""
        return (
            self.left_out == (text.reason is not None)
            and self.source in (None, text.source)
            and self.reason in (None, text.reason)
            and (self.score is None or (text.score is not None and text.score >= self.score))
        )


@dataclass(frozen=True, slots=True)
class TextPage:
    """One page of texts, and how many fit the filter.

    sources: the texts of the dataset, or those that it left out, as the filter says. reasons: of the latter.
    """

    version: int
    texts: list[BrowsedText]
    fitting: int
    sources: Counter[str]
    reasons: Counter[str]


class DatasetTexts:
    """Looks through a dataset and the answers of models beside it."""

    def __init__(self, db: Database, scores: Scores, selector: ExampleSelector, prompts: Prompts) -> None:
        self._db = db
        self._scores = scores
        self._selector = selector
        self._prompts = prompts
        self._judgements: dict[StoredAnswer, Judgement] = {}  # an answer and its verdict change it only

    async def page(self, version: int, wanted: TextFilter, number: int = 0) -> TextPage:
        """Return a page (from 0) of a version. Raise UserError if there is no such version."""
        async with self._db.read() as tx:
            dataset = await datasets.get(tx, version)
            if dataset is None:
                raise UserError(
                    "There is no dataset v{version}. `{/dataset list}` shows all.", version=version
                )
            items = await datasets.list_items(tx, version)
            answers = await examples.list_answered(tx) if dataset.kind == "sft" else []
        votes = {
            each.description_id: (each.ups, each.downs)
            for each in (await self._scores.snapshot()).descriptions
        }
        verdicts = {answer.id: answer.verdict for _, answer in answers}
        texts = [_kept(item, votes, verdicts) for item in items]
        kept = {item.source_id for item in items if item.source == "example"}
        left = [(hero, answer) for hero, answer in answers if answer.id not in kept]
        texts += await asyncio.to_thread(lambda: [self._left_out(*each) for each in left])
        if answers:  # drop those of answers that were deleted, or whose verdict has changed
            current = {answer for _, answer in answers}
            self._judgements = {
                answer: judgement for answer, judgement in self._judgements.items() if answer in current
            }
        fitting = [text for text in texts if wanted.fits(text)]
        return TextPage(
            version,
            fitting[number * PAGE : (number + 1) * PAGE],
            len(fitting),
            Counter(text.source for text in texts if wanted.left_out == (text.reason is not None)),
            Counter(text.reason for text in texts if text.reason),
        )

    def _left_out(self, hero: Hero, answer: StoredAnswer) -> BrowsedText:
        judgement = self._judgements.get(answer) or self._selector.judge(Slot(hero, 0), answer)
        self._judgements[answer] = judgement
        text, reason = judgement
        return BrowsedText(
            self._prompts.tuning_prompt(hero),
            text,
            None,
            "example",
            None,
            reason or NOT_CHOSEN,
            answer.id,
            answer.verdict,
            None,
        )


def _kept(item: Item, votes: dict[int, tuple[int, int]], verdicts: dict[int, Verdict | None]) -> BrowsedText:
    is_example = item.source == "example"
    return BrowsedText(
        item.prompt,
        item.text,
        item.rejected,
        item.source,
        item.split,
        None,
        item.source_id if is_example else None,
        verdicts.get(item.source_id) if is_example else None,
        votes.get(item.source_id) if item.source == "description" else None,
    )
