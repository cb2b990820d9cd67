"""The results of a provider's batch, line by line."""

import json
import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from bot.llm.response import Completion, completion_of
from bot.llm.retry import Malformed
from bot.llm.thinking import ThinkingFilter

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BatchAnswer:
    """One answered request, and the tokens that it cost; an error if the answer is not understood."""

    key: str
    answer: Completion | Malformed
    prompt_tokens: int
    completion_tokens: int


def parse_answers(
    lines: Iterable[str], thinking: ThinkingFilter, typical_tokens: tuple[int, int]
) -> Iterator[BatchAnswer]:
    """Yield the answered requests; those that failed cost nothing, and are open again.

    typical_tokens: of a request at most, for results of providers that report no usage.
    """
    for line in lines:
        try:
            result = json.loads(line)
            response = result["response"]
            key, body, status = str(result["custom_id"]), response["body"], response.get("status_code")
        except (ValueError, KeyError, TypeError, AttributeError):
            log.warning("a batch's request has no answer: %.300s", line)
            continue
        if status in (None, 200):
            yield _parse(key, body, thinking, typical_tokens)
        else:
            log.warning("a batch's request failed: %.300s", line)


def _parse(key: str, body: object, thinking: ThinkingFilter, typical_tokens: tuple[int, int]) -> BatchAnswer:
    try:
        answer = completion_of(body, thinking, typical_tokens[1])
    except Malformed as error:
        log.warning("a batch's answer is not understood: %.300s", body)
        return BatchAnswer(key, error, *typical_tokens)
    return BatchAnswer(key, answer, *(answer.tokens or typical_tokens))
