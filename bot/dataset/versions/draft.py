"""A draft: what will be a dataset, on its way there. The texts lie in a file, so that memory stays small."""

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from bot.dataset.lint.rules import MAX_CHARACTERS
from bot.dataset.versions.near_duplicates import DuplicateDetector
from bot.i18n.message import mark
from bot.store.datasets import Item, Source, Split

_HELD_OUT = 0.1  # of the heroes


@dataclass(frozen=True, slots=True)
class TrainingText:
    """A text that may train, with the row it came from; of a pair, with the worse one and its row."""

    text: str
    source: Source
    source_id: int
    rejected: str | None = None
    rejected_id: int | None = None

    @property
    def digest(self) -> bytes:
        whole = self.text if self.rejected is None else f"{self.text}\0{self.rejected}"
        return hashlib.sha256(whole.encode()).digest()

    @property
    def is_empty(self) -> bool:
        return not self.text.strip() or (self.rejected is not None and not self.rejected.strip())


class Draft:
    """Takes in texts hero by hero, drops what must not train, and knows its split and its content hash.

    dropped counts texts by the reason; alike holds the ids of examples that say what another text says.
    """

    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.near_duplicate_ids: set[int] = set()
        self.sources: Counter[str] = Counter()
        self.lengths: Counter[int] = Counter()  # words
        self._heroes: dict[
            str, tuple[bytes, bool, int]
        ] = {}  # by prompt: digest, whether kept training, texts
        self._likeness = DuplicateDetector()
        self._held_out: set[str] | None = None
        self._spool: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8", newline="\n")  # noqa: SIM115 (__exit__)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(self, prompt: str, texts: Sequence[TrainingText], *, never_hold_out: bool = False) -> None:
        """Take in all texts of one hero. keep_training: it is never held out, for people chose its texts."""
        kept = [text for text in texts if not self._faulty(prompt, text)]
        if not kept:
            return
        digests = sorted(text.digest for text in kept)
        self._heroes[prompt] = (hashlib.sha256(b"".join(digests)).digest(), never_hold_out, len(kept))
        self._held_out = None
        for text in kept:
            self.sources[text.source] += 1
            self.lengths[len(text.text.split())] += 1
            parts = [text.text, text.source, text.source_id, text.rejected, text.rejected_id]
            self._spool.write(json.dumps([prompt, *parts]) + "\n")

    def count_dropped(self, reason: str, texts: int) -> None:
        """Count texts that were dropped before they came here."""
        if texts:
            self.dropped[reason] += texts

    def _faulty(self, prompt: str, text: TrainingText) -> bool:
        """The checks of every freeze: none of them changes a text."""
        if text.is_empty:
            fault: str | None = mark("empty")
        elif len(prompt) + max(len(text.text), len(text.rejected or "")) > MAX_CHARACTERS:
            fault = mark("over 10,000 characters")
        else:
            fault = self._likeness.duplicate_reason(prompt, text.text)
            if fault and text.source == "example":
                self.near_duplicate_ids.add(text.source_id)
        if fault:
            self.dropped[fault] += 1
        return fault is not None

    @property
    def only_prompt(self) -> str | None:
        """The prompt, where all texts are of one: a model learns nothing of what it is asked."""
        return next(iter(self._heroes)) if len(self._heroes) == 1 else None

    @property
    def held_out_prompts(self) -> set[str]:
        """The prompts of a tenth of the heroes, chosen by their hash: always the same ones."""
        if self._held_out is None:
            free = [prompt for prompt, (_, keep, _) in self._heroes.items() if not keep]
            free.sort(key=lambda prompt: hashlib.sha256(prompt.encode()).digest())
            most = max(1, round(len(self._heroes) * _HELD_OUT)) if len(self._heroes) > 1 else 0
            self._held_out = set(free[:most])
        return self._held_out

    def _side(self, prompt: str) -> Split:
        return "valid" if prompt in self.held_out_prompts else "train"

    @property
    def counts(self) -> dict[str, int]:
        """How many texts are on each side, and how many are from each source."""
        sides: Counter[str] = Counter()
        for prompt, (_, _, texts) in self._heroes.items():
            sides[self._side(prompt)] += texts
        return dict(sides + self.sources)

    @property
    def content_hash(self) -> str:
        """SHA-256 over sides, prompts and texts, whatever rows they came from and in whatever order."""
        lines = (
            json.dumps([self._side(prompt), prompt, digest.hex()])
            for prompt, (digest, _, _) in self._heroes.items()
        )
        return hashlib.sha256("\n".join(sorted(lines)).encode()).hexdigest()

    def items(self) -> Iterator[Item]:
        """Every text, in the order in which they came."""
        self._spool.seek(0)
        for line in self._spool:
            prompt, *parts = json.loads(line)
            yield Item(self._side(prompt), prompt, *parts)
