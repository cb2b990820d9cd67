"""Which tokens a grammar allows next, for models that transformers serves."""

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt


class MaskFactory:
    """Makes token masks for one tokenizer; the first one takes up to a second."""

    def __init__(self, tokenizer: Any, vocabulary: int, end_tokens: Collection[int]) -> None:
        """`vocabulary` is the number of the model's logits."""
        self._arguments = (tokenizer, vocabulary, sorted(end_tokens))
        self._tokenizer: Any = None

    def mask(self, grammar: str) -> "TokenMask":
        """Start a text that follows a grammar, which `Grammar.check` has checked."""
        from llguidance import LLMatcher, hf  # noqa: PLC0415  native code, loaded only when needed

        if self._tokenizer is None:
            self._tokenizer = hf.from_tokenizer(*self._arguments)
        return TokenMask(LLMatcher(self._tokenizer, grammar, log_level=0))


class TokenMask:
    """The state of one text."""

    def __init__(self, matcher: Any) -> None:
        """Start before the first token."""
        self._matcher = matcher

    @property
    def ended(self) -> bool:
        """Whether nothing can follow: the text is complete, or it became too complex to be followed."""
        return bool(self._matcher.is_stopped())

    def allowed(self) -> npt.NDArray[np.bool_]:
        """Return for each token whether it may be next."""
        bits = np.frombuffer(self._matcher.compute_bitmask(), np.uint8)
        return np.unpackbits(bits, bitorder="little").astype(bool)

    def accept(self, token: int) -> None:
        """Add a token to the text."""
        self._matcher.consume_token(token)
