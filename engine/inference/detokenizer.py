"""Streaming detokenizer: turns tokens into text as they are generated, and ends at stop strings."""

from collections.abc import Sequence
from typing import Any

from engine.inference.stop_strings import StopStrings

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
        self._stops = StopStrings(stops)

    @property
    def stopped(self) -> bool:
        """Whether a stop string was found; no text follows."""
        return self._stops.found

    def add(self, token: int) -> str:
        """Add a token; return the text that is final by now."""
        self._tokens.append(token)
        text = self._new_text()
        if not text or text.endswith(_INCOMPLETE_CHARACTER):
            return ""
        self._tokens = self._tokens[self._returned :]
        self._returned = len(self._tokens)
        return self._stops.add(text)

    def flush(self) -> str:
        """Return the text held back so far, after the last token."""
        return self._stops.add(self._new_text().rstrip(_INCOMPLETE_CHARACTER)) + self._stops.flush()

    def _new_text(self) -> str:
        # decoded together with the tokens before: alone, a token may have another text
        return self._decode(self._tokens).removeprefix(self._decode(self._tokens[: self._returned]))

    def _decode(self, tokens: list[int]) -> str:
        return str(
            self._tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False)
        )
