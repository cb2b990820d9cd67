"""Answer watch: ends a build whose answers are of no use after a handful of them."""

from collections.abc import Callable

from bot.errors import Unavailable
from bot.i18n.message import LocalizedMessage
from bot.llm.retry import Malformed

_MOST = 5  # answers of no use, less those of use: more would be paid for in vain
_MORE = 4  # times as many tokens, for the estimate of what thinking would cost


class AnswerWatch:
    """Counts the answers of one build that nothing can be made of; an answer with a text takes one back.

    max_tokens: the limit of an answer. missing: returns how many slots are open. cost: returns the US dollars
    for so many prompt and completion tokens, None if the price is unknown.
    """

    def __init__(
        self, max_tokens: int, *, missing: Callable[[], int], cost: Callable[[int, int], float | None]
    ) -> None:
        self._max_tokens = max_tokens
        self._missing = missing
        self._cost = cost
        self._unusable = 0
        self._reason: LocalizedMessage | None = None

    def add_failure(self, error: Exception) -> None:
        """Count a failed call, if an answer came but was not understood."""
        if isinstance(error, Malformed):
            self._unusable += 1
            self._reason = error.message

    def add(self, text: str, finish_reason: str, prompt_tokens: int) -> None:
        """Count an answer."""
        if text.strip():
            self._unusable = max(0, self._unusable - 1)
            return
        self._unusable += 1
        no_text = LocalizedMessage("The model's answers have no text: an operator must choose another model.")
        self._reason = self._thinking(prompt_tokens) if finish_reason == "length" else no_text

    def check(self) -> None:
        """Raise Unavailable, with what to do, if too many answers were of no use."""
        if self._unusable >= _MOST and self._reason:
            raise Unavailable(
                "The build was stopped after {number} unusable answers. {reason}",
                number=self._unusable,
                reason=self._reason,
            )

    def _thinking(self, prompt_tokens: int) -> LocalizedMessage:
        tokens, missing = self._max_tokens * _MORE, self._missing()
        cost = self._cost(missing * prompt_tokens, missing * tokens)
        if not cost:
            return LocalizedMessage(
                "The model uses up all {tokens:,} tokens (parts of words) of an answer for thinking, so "
                "it writes no text. Choose a model that does not think, or raise max_tokens in "
                "heroes.toml.",
                tokens=self._max_tokens,
            )
        return LocalizedMessage(
            "The model uses up all {tokens:,} tokens (parts of words) of an answer for thinking, so it "
            "writes no text. Choose a model that does not think, or raise max_tokens in heroes.toml. With"
            " {more:,} tokens an answer, the {missing:,} missing examples may cost up to ${cost:,.2f}.",
            tokens=self._max_tokens,
            more=tokens,
            missing=missing,
            cost=cost,
        )
