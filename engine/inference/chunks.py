"""Chunks and errors in the form of llama.cpp's server, for runtimes that make them themselves."""

from typing import Any, Self


class RequestRejected(Exception):
    """A request that a model cannot answer; `error` is llama.cpp's error object."""

    def __init__(self, message: str, **more: Any) -> None:
        """Build the error object of a 400."""
        super().__init__(message)
        self.error = {"code": 400, "message": message, "type": "invalid_request_error"} | more

    @classmethod
    def too_long(cls, prompt_tokens: int, limit: int) -> Self:
        """Return the rejection of a prompt that fills the context of `limit` tokens."""
        return cls(
            f"The prompt has {prompt_tokens} tokens and the context {limit}.",
            type="exceed_context_size_error",
            n_prompt_tokens=prompt_tokens,
            n_ctx=limit,
        )


def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    """Return a chunk of an answer."""
    return {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}


def has_words(chunk: dict[str, Any]) -> bool:
    """Return whether a chunk has a part of the text, or of a call."""
    return any(
        choice["delta"].get("content") or choice["delta"].get("tool_calls")
        for choice in chunk.get("choices", ())
    )


def usage_chunk(prompt_tokens: int, completion_tokens: int) -> dict[str, Any]:
    """Return the last chunk; the token that ends an answer counts, though it has no text."""
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    return {"choices": [], "usage": usage}
