"""How likely a model finds texts that others wrote: an extension of the embedded engine (docs/engine.md)."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import openai
from openai import AsyncOpenAI
from pydantic import BaseModel, ConfigDict, ValidationError

from bot.chat import Message
from bot.errors import UnknownModel
from bot.llm.retry import BACKGROUND, RetryPolicy, Truncated, with_retries

_UNKNOWN_PATH = "invalid_url"  # the code of the engine's errors for paths that it does not have


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)

    log_probs: list[float]


@dataclass(frozen=True, slots=True)
class TextScore:
    """The log-probability of a text under a model, in nats, and the number of its tokens."""

    log_prob: float
    tokens: int


def mean_log_prob(scores: Sequence[TextScore]) -> float:
    """Return the mean log-probability of all tokens of some texts, in nats a token."""
    return sum(score.log_prob for score in scores) / sum(score.tokens for score in scores)


class TextScorer:
    """Asks for log-probabilities. api: of a server that has the extension."""

    def __init__(self, api: AsyncOpenAI, *, retry_policy: RetryPolicy = BACKGROUND) -> None:
        self._api = api
        self._retry_policy = retry_policy

    async def score(self, model: str, prompt: str, text: str) -> TextScore | None:
        """Return how likely a model finds a text as the answer to a prompt; None if no text can be scored.

        That is so if the engine is of a version without the extension. Raises Unavailable, UnknownModel or
        ServerError.
        """
        messages: list[Message] = [
            {"role": "user", "content": prompt},
            {"role": "assistant", "content": text},
        ]
        body: dict[str, object] = {"model": model, "messages": messages, "service_tier": "flex"}
        try:
            answer = await with_retries(partial(self._post, body), self._retry_policy)
        except UnknownModel as error:
            cause = error.__cause__
            if isinstance(cause, openai.NotFoundError) and cause.code == _UNKNOWN_PATH:
                return None
            raise
        return TextScore(sum(answer.log_probs), len(answer.log_probs))

    async def _post(self, body: dict[str, object]) -> _Answer:
        answer = await self._api.post("/chat/log_probs", body=body, cast_to=object)
        try:
            return _Answer.model_validate(answer)
        except ValidationError as error:
            raise Truncated("the answer holds no log-probabilities") from error
