"""Streaming detokenizer: turns tokens into text as they are generated, and ends at stop strings."""

from collections.abc import Sequence
from typing import Any

_INCOMPLETE_CHARACTER = "\ufffd"
_PROMPT_TOKENS = 8  # as context: some tokenizers write a word's leading space only after another word


class Detokenizer:
    """Returns only final text: whole characters, and nothing that may turn out to be a stop string."""

    def __init__(self, tokenizer: Any, prompt: Sequence[int], stops: Sequence[str]) -> None:
        """Start after `prompt`; the text will end before the first of `stops`."""
        self._tokenizer = tokenizer
        # the tokens whose text was returned last, as context, then those whose text is still to be returned
        self._tokens = list(prompt[-_PROMPT_TOKENS:])
        self._returned = len(self._tokens)
        self._stops = [stop for stop in stops if stop]
        self._held_back = ""
        self.stopped = False
        """Whether a stop string was found; no text follows."""

    def add(self, token: int) -> str:
        """Add a token; return the text that is final by now."""
        self._tokens.append(token)
        text = self._new_text()
        if not text or text.endswith(_INCOMPLETE_CHARACTER):
            return ""
        self._tokens = self._tokens[self._returned :]
        self._returned = len(self._tokens)
        return self._before_stop(text)

    def flush(self) -> str:
        """Return the text held back so far, after the last token."""
        text = self._before_stop(self._new_text().rstrip(_INCOMPLETE_CHARACTER))
        return text + self._held_back

    def _new_text(self) -> str:
        # decoded together with the tokens before: alone, a token may have another text
        return self._decode(self._tokens).removeprefix(self._decode(self._tokens[: self._returned]))

    def _decode(self, tokens: list[int]) -> str:
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )

    def _before_stop(self, text: str) -> str:
        text = self._held_back + text
        found = [text.index(stop) for stop in self._stops if stop in text]
        self.stopped = bool(found)
        if found:
            end = min(found)
        else:
            end = len(text) - max((_overlap(text, stop) for stop in self._stops), default=0)
        self._held_back = "" if found else text[end:]
        return text[:end]


def _overlap(text: str, stop: str) -> int:
    """Return the length of the longest proper prefix of a stop string that `text` ends with."""
    return next(size for size in range(len(stop) - 1, -1, -1) if text.endswith(stop[:size]))
