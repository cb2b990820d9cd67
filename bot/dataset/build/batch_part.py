"""A part of a build that goes to the provider as one batch: its requests, and the file of them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.chat import ChatRequest
from bot.llm.batch_api import BatchLimits
from bot.store.examples import Request


@dataclass(slots=True)
class BatchPart:
    """The requests of one batch and the maximum of tokens that they may use.

    max_prompt_tokens: how many tokens of prompts the provider takes at once, as far as it has told.
    """

    path: Path
    limits: BatchLimits
    max_prompt_tokens: int | None
    requests: list[Request] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0
    size: int = 0  # bytes

    def add(self, request: Request, chat: ChatRequest, body: dict[str, Any]) -> bytes:
        """Add a request. Return its line of the file."""
        body = {"model": request.model, "messages": list(chat.messages), **body}
        entry = {"custom_id": request.key, "method": "POST", "url": "/v1/chat/completions", "body": body}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        self.requests.append(request)
        prompt_tokens, completion_tokens = chat.token_estimate
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens
        self.size += len(line)
        return line

    def takes(self, chat: ChatRequest) -> bool:
        """Return whether another request fits; the first one always does."""
        if not self.requests:
            return True
        if len(self.requests) >= self.limits.max_requests or self.size >= self.limits.max_bytes:
            return False
        enqueued = self.prompt_tokens + chat.token_estimate[0]
        return self.max_prompt_tokens is None or enqueued <= self.max_prompt_tokens

    def max_usage(self, model: str) -> tuple[str, int, int]:
        """Return model, prompt tokens and completion tokens, the arguments of the budget's checks."""
        return model, self.prompt_tokens, self.completion_tokens

    def usage_with_one_more(self, model: str) -> tuple[str, int, int]:
        """Return the same with another request of average size."""
        growth = 1 + 1 / len(self.requests)
        return model, round(self.prompt_tokens * growth), round(self.completion_tokens * growth)
