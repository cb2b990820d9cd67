"""A draft collects the texts of a dataset before it is frozen. Texts are spooled to a file to save memory."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, NamedTuple, Self

from bot.dataset.lint.rules import MAX_CHARACTERS
from bot.dataset.versions.near_duplicates import DuplicateDetector
from bot.i18n.message import mark
from bot.store.datasets import Item, Source, Split

_HELD_OUT_SHARE = 0.1  # of the heroes


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A text to train on and the row it came from. A preference pair has a rejected text and its row too."""

    text: str
    source: Source
    source_id: int
    rejected: str | None = None
    rejected_id: int | None = None

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the text, or of both texts of a pair."""
        content = self.text if self.rejected is None else f"{self.text}\0{self.rejected}"
        return hashlib.sha256(content.encode()).digest()

    @property
    def is_empty(self) -> bool:
        """Whether the text, or one of a pair, is blank."""
        return not self.text.strip() or (self.rejected is not None and not self.rejected.strip())


class _HeroTexts(NamedTuple):
    """What a draft remembers of the texts of one hero."""

    digest: bytes
    never_hold_out: bool
    texts: int


class Draft:
    """Collect texts hero by hero, drop unusable ones, and derive the split and the content hash.

    dropped counts dropped texts by reason. near_duplicate_ids holds the ids of examples that were dropped as
    duplicates, exact or near. lengths counts texts by their number of words.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.near_duplicate_ids: set[int] = set()
        self.sources: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        self._heroes: dict[str, _HeroTexts] = {}  # by prompt
        self._duplicates = DuplicateDetector()
        self._held_out_prompts: set[str] | None = None
        self._spool: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115 (__exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(self, prompt: str, texts: Sequence[TrainingText], *, never_hold_out: bool = False) -> None:
        """Add all texts of one hero.

        never_hold_out: keep the hero in the training split, since people liked its texts.
        """
        kept = [text for text in texts if not self._drop_if_unusable(prompt, text)]
        if not kept:
            return
        digests = sorted(text.digest for text in kept)
        self._heroes[prompt] = _HeroTexts(
            hashlib.sha256(b"".join(digests)).digest(), never_hold_out, len(kept)
        )
        self._held_out_prompts = None
        for text in kept:
            self.sources[text.source] += 1
            self.lengths[len(text.text.split())] += 1
            parts = [text.text, text.source, text.source_id, text.rejected, text.rejected_id]
            self._spool.write(json.dumps([prompt, *parts]) + "\n")

    def count_dropped(self, reason: str, texts: int) -> None:
        """Count texts that the caller dropped."""
        if texts:
            self.dropped[reason] += texts

    def _drop_if_unusable(self, prompt: str, text: TrainingText) -> bool:
        """Return whether a text is empty, too long or a duplicate, and count it as dropped then."""
        if text.is_empty:
            reason: str | None = mark("empty")
        elif len(prompt) + max(len(text.text), len(text.rejected or "")) > MAX_CHARACTERS:
            reason = mark("over 10,000 characters")
        else:
            reason = self._duplicates.duplicate_reason(prompt, text.text)
            if reason and text.source == "example":
                self.near_duplicate_ids.add(text.source_id)
        if reason:
            self.dropped[reason] += 1
        return reason is not None

    @property
    def only_prompt(self) -> str | None:
        """The prompt, if all texts are of one: a model learns nothing about prompts from it. Else None."""
        return next(iter(self._heroes)) if len(self._heroes) == 1 else None

    @property
    def held_out_prompts(self) -> set[str]:
        """The prompts of a tenth of the heroes, chosen by hash and so always the same."""
        if self._held_out_prompts is None:
            eligible = [prompt for prompt, hero in self._heroes.items() if not hero.never_hold_out]
            eligible.sort(key=lambda prompt: hashlib.sha256(prompt.encode()).digest())
            limit = max(1, round(len(self._heroes) * _HELD_OUT_SHARE)) if len(self._heroes) > 1 else 0
            self._held_out_prompts = set(eligible[:limit])
        return self._held_out_prompts

    def _split_of(self, prompt: str) -> Split:
        return "valid" if prompt in self.held_out_prompts else "train"

    @property
    def counts(self) -> dict[str, int]:
        """How many texts are in each split, and how many are from each source."""
        splits: Counter[str] = Counter()
        for prompt, hero in self._heroes.items():
            splits[self._split_of(prompt)] += hero.texts
        return dict(splits + self.sources)

    @property
    def content_hash(self) -> str:
        """SHA-256 over splits, prompts and texts, independent of their order and source rows."""
        lines = (
            json.dumps([self._split_of(prompt), prompt, hero.digest.hex()])
            for prompt, hero in self._heroes.items()
        )
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        """Yield every kept text, in the order of add()."""
        self._spool.seek(0)
        for line in self._spool:
            prompt, *parts = json.loads(line)
            yield Item(self._split_of(prompt), prompt, *parts)
