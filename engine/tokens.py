"""Token ids of chats: one turn as a server reads and writes it, and a whole text to learn from."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self


@dataclass(frozen=True)
class Turn:
    """An assistant's turn: the ids that a server reads before it, and those of the message itself.

    The first `learned` ids of the answer are to be learned: its text and the token that ends it, but not the
    line break that templates add after it.
    """

    prompt: list[int]
    answer: list[int]
    learned: int

    @classmethod
    def of(
        cls, prompt: list[int], answer: list[int], end_token: int | None, control_tokens: Collection[int] = ()
    ) -> Self:
        """Return the turn of an answer that `end_token` ends, or else the last of `control_tokens` in it.

        A chat template may end turns with another token than a vocabulary ends texts with.
        """
        if end_token in answer:
            return cls(prompt, answer, answer.index(end_token) + 1)
        ends = [index + 1 for index, token in enumerate(answer) if token in control_tokens]
        return cls(prompt, answer, ends[-1] if ends else len(answer))


@dataclass(frozen=True)
class Encoded:
    """Token ids, and the parts of them that count in the loss, each as (start, end).

    `is_wanted` is the label of a text that somebody judged; all others are wanted.
    """

    ids: list[int]
    learned: list[tuple[int, int]]
    is_wanted: bool = True

    @cached_property
    def loss_mask(self) -> list[bool]:
        """For each id whether it counts in the loss."""
        mask = [False] * len(self.ids)
        for start, end in self.learned:
            mask[start:end] = [True] * (end - start)
        return mask

    def cut(self, length: int) -> "Encoded":
        """Return the first tokens of it, at most so many."""
        if len(self.ids) <= length:
            return self
        learned = [(start, min(end, length)) for start, end in self.learned if start < length]
        return replace(self, ids=self.ids[:length], learned=learned)


MARK = "\n"
"""What is tokenized before a text that continues another one; no vocabulary joins it with what follows."""
MARK_PROBES = (MARK + "x", MARK, "x")


def mark_length(together: Sequence[int], mark: Sequence[int], word: Sequence[int]) -> int:
    """Return how many tokens of a mark are to be cut off, given those of `MARK_PROBES`; 0 if none is needed.

    SentencePiece vocabularies put a space before the first word that they are given: without the mark it
    would become part of an answer, which is tokenized by itself.
    """
    return 0 if [*together] == [*mark, *word] else len(mark)
