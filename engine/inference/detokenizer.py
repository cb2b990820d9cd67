"""An answer's tokens as text: whole characters, and nothing that a stop string may be about to take."""

from collections.abc import Sequence
from typing import Any

_HALF_A_CHARACTER = "\ufffd"
_BEFORE = 8  # tokens of the prompt: some tokenizers write a word's leading space only after another word


class TextStream:
    """Tokens in, text out; what comes out is never taken back."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], stops: Sequence[str]) -> None:
        """Follow `prompt`, and end before the first of `stops`."""
        self._tokenizer = tokenizer
        self._tokens = list(prompt[-_BEFORE:])  # those whose text came last, then those whose text is to come
        self._told = len(self._tokens)
        self._stops = [stop for stop in stops if stop]
        self._held = ""
        self.stopped = False
        """Whether a stop string was met; no text follows."""

    def add(self, token: int) -> str:
        """Take a token; return the text that is certain by now."""
        self._tokens.append(token)
        text = self._untold()
        if not text or text.endswith(_HALF_A_CHARACTER):
            return ""
        self._tokens = self._tokens[self._told :]
        self._told = len(self._tokens)
        return self._before_stop(text)

    def end(self) -> str:
        """Return what was held back, when no more tokens come."""
        text = self._before_stop(self._untold().rstrip(_HALF_A_CHARACTER))
        return text + self._held

    def _untold(self) -> str:
        # decoded together with the text before: alone, a token may read differently
        return self._text(self._tokens).removeprefix(self._text(self._tokens[: self._told]))

    def _text(self, tokens: list[int]) -> str:
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _before_stop(self, text: str) -> str:
        text = self._held + text
        found = [text.index(stop) for stop in self._stops if stop in text]
        self.stopped = bool(found)
        certain = (
            min(found) if found else len(text) - max((_begun(text, stop) for stop in self._stops), default=0)
        )
        self._held = "" if found else text[certain:]
        return text[:certain]


def _begun(text: str, stop: str) -> int:
    """Return how many characters of a stop string `text` ends with, less than all."""
    return next(size for size in range(len(stop) - 1, -1, -1) if text.endswith(stop[:size]))
