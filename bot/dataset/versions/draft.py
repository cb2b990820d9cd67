"""A draft collects the texts of a dataset before it is frozen. Texts are spooled to a file to save memory."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import IO, NamedTuple, Self

from bot.chat import Message
from bot.dataset.versions.near_duplicates import DuplicateDetector
from bot.i18n.message import mark
from bot.store.datasets import Item, Source, Split

MAX_CHARACTERS = 10_000  # of a prompt and its text together
RECOMMENDED_EXAMPLES = 100  # fewer get advice

_HELD_OUT_SHARE = 0.1  # of the heroes


class TrainingText(NamedTuple):
    """A text to train on and the row it came from. A preference pair has a rejected text and its row too.

    Of a text that was voted down by itself, text is empty. chat: of a scene, as in Item.
    """

    text: str
    source: Source
    source_id: int
    rejected: str | None = None
    rejected_id: int | None = None
    chat: list[Message] | None = None

    @property
    def digest(self) -> bytes:
        """The SHA-256 of the text, of both texts of a pair, or of a scene with the turns before it."""
        content = self.text if self.rejected is None else f"{self.text}\0{self.rejected}"
        if self.chat is not None:
            content = f"{json.dumps(self.chat)}\0{content}"
        return hashlib.sha256(content.encode()).digest()

    @property
    def is_empty(self) -> bool:
        """Whether the text, or one of a pair, is blank."""
        texts = [self.rejected] if not self.text and self.rejected is not None else [self.text, self.rejected]
        return any(text is not None and not text.strip() for text in texts)

    def asked_length(self, prompt: str) -> int:
        """Return the characters before the text: of the prompt, or of a scene's turns."""
        return len(prompt) if self.chat is None else sum(len(turn["content"]) for turn in self.chat)

    @property
    def content(self) -> str:
        """The text, or the one that was voted down by itself."""
        return self.text or self.rejected or ""


class _HeroTexts(NamedTuple):
    """What a draft remembers of the texts of one hero."""

    digest: bytes
    never_hold_out: bool
    texts: int


class Draft:
    """Collect texts hero by hero, drop unusable ones, and derive the split and the content hash.

    A tenth of the heroes is held out, if the texts do not come with a split of their own.

    dropped counts dropped texts by reason. near_duplicate_ids holds the ids of examples that were dropped as
    duplicates, exact or near. lengths counts texts by their number of words.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.near_duplicate_ids: set[int] = set()
        self.sources: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()
        self._heroes: dict[tuple[str, Split | None], _HeroTexts] = {}  # by prompt and given split
        self._duplicates = DuplicateDetector()
        self._held_out_prompts: set[str] | None = None
        self._spool: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115 (__exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(
        self,
        prompt: str,
        texts: Sequence[TrainingText],
        *,
        never_hold_out: bool = False,
        split: Split | None = None,
    ) -> None:
        """Add all texts of one hero, or those of one of its splits.

        never_hold_out: keep the hero in the training split, since people liked its texts.
        split: the split of these texts, if it is given; else the draft decides.
        """
        kept = [text for text in texts if not self._drop_if_unusable(prompt, text)]
        if not kept:
            return
        digests = sorted(text.digest for text in kept)
        self._heroes[prompt, split] = _HeroTexts(
            hashlib.sha256(b"".join(digests)).digest(), never_hold_out, len(kept)
        )
        self._held_out_prompts = None
        for text in kept:
            self.sources[text.source] += 1
            self.lengths[len(text.content.split())] += 1
            self._spool.write(json.dumps([prompt, split, *text]) + "\n")

    def count_dropped(self, reason: str, texts: int) -> None:
        """Count texts that the caller dropped."""
        if texts:
            self.dropped[reason] += texts

    def _drop_if_unusable(self, prompt: str, text: TrainingText) -> bool:
        """Return whether a text is empty, too long or a duplicate, and count it as dropped then."""
        if text.is_empty:
            reason: str | None = mark("empty")
        elif text.asked_length(prompt) + max(len(text.text), len(text.rejected or "")) > MAX_CHARACTERS:
            reason = mark("over 10,000 characters")
        else:
            reason = self._duplicates.duplicate_reason(prompt, text.content)
            if reason and text.source == "example":
                self.near_duplicate_ids.add(text.source_id)
        if reason:
            self.dropped[reason] += 1
        return reason is not None

    @property
    def only_prompt(self) -> str | None:
        """The prompt, if all texts are of one: a model learns nothing about prompts from it. Else None."""
        prompts = {prompt for prompt, _ in self._heroes}
        return prompts.pop() if len(prompts) == 1 else None

    @property
    def keeps_split(self) -> bool:
        """Whether the texts came with a split of their own."""
        return any(split for _, split in self._heroes)

    @property
    def certain_training_texts(self) -> int:
        """How many texts train at least, whatever is still added."""
        given = sum(hero.texts for (_, split), hero in self._heroes.items() if split == "train")
        undecided = sum(split is None for _, split in self._heroes)  # each has a text; a tenth is held out
        return given + undecided - _held_out(undecided)

    @property
    def held_out_prompts(self) -> set[str]:
        """The prompts of a tenth of the heroes without a given split: a hash chooses, always the same."""
        if self._held_out_prompts is None:
            undecided = {prompt: hero for (prompt, split), hero in self._heroes.items() if split is None}
            eligible = [prompt for prompt, hero in undecided.items() if not hero.never_hold_out]
            eligible.sort(key=lambda prompt: hashlib.sha256(prompt.encode()).digest())
            self._held_out_prompts = set(eligible[: _held_out(len(undecided))])
        return self._held_out_prompts

    @property
    def training_prompts(self) -> set[str]:
        """The prompts of the heroes of which all texts train, as things stand."""
        return {prompt for prompt, given in self._heroes if self._split_of(prompt, given) == "train"} - {
            prompt for prompt, given in self._heroes if self._split_of(prompt, given) == "valid"
        }

    def _split_of(self, prompt: str, given: Split | None) -> Split:
        return given or ("valid" if prompt in self.held_out_prompts else "train")

    @property
    def counts(self) -> dict[str, int]:
        """How many texts are in each split, and how many are from each source."""
        splits: Counter[str] = Counter()
        for key, hero in self._heroes.items():
            splits[self._split_of(*key)] += hero.texts
        return dict(splits + self.sources)

    @property
    def content_hash(self) -> str:
        """SHA-256 over splits, prompts and texts, independent of their order and source rows."""
        lines = (
            json.dumps([self._split_of(prompt, given), prompt, hero.digest.hex()])
            for (prompt, given), hero in self._heroes.items()
        )
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        """Yield every kept text, in the order of add()."""
        self._spool.seek(0)
        for line in self._spool:
            prompt, given, *parts = json.loads(line)
            yield Item(self._split_of(prompt, given), prompt, *parts)


def _held_out(heroes: int) -> int:
    """Return how many of so many heroes are held out."""
    return max(1, round(heroes * _HELD_OUT_SHARE)) if heroes > 1 else 0
