"""Supported parameters: which request parameters a model accepts, learnt from its refusals."""

import re
from collections.abc import Mapping
from typing import Any

import openai

from bot.chat import ChatRequest

_OPTIONAL = (
    "max_completion_tokens",
    "temperature",
    "top_p",
    "seed",
    "reasoning_effort",
    "repeat_penalty",
    "max_tokens",
    "stream_options",
)
_OLDER_NAME = {"max_completion_tokens": "max_tokens"}
_EXTENSIONS = frozenset({"repeat_penalty"})  # not in the SDK's own signature


class SupportedParameters:
    """The parameters that are sent to one model: all that we use, less those that it has refused.

    No table of model names says what a model accepts: each tells by itself at the first request.
    """

    def __init__(self, *, extensions: bool) -> None:
        self._refused: set[str] = set() if extensions else set(_EXTENSIONS)

    def arguments(self, request: ChatRequest, *, streamed: bool = False) -> dict[str, Any]:
        """Return keyword arguments for the SDK's chat.completions.create()."""
        body = self.body(request)
        if streamed:
            body["stream"] = True
            if "stream_options" not in self._refused:
                body["stream_options"] = {"include_usage": True}
        extra = {name: body.pop(name) for name in _EXTENSIONS & body.keys()}
        # the SDK would validate every message against every type it knows: a tenth of what a /hero costs
        return body | {"extra_body": extra | {"messages": list(request.messages)}}

    def body(self, request: ChatRequest) -> dict[str, Any]:
        """Return the request's parameters as they go over the wire, without model and messages."""
        wanted: dict[str, Any] = {
            "max_completion_tokens": request.sampling.max_tokens,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            "seed": request.seed,
            # a model that reasons by default would spend the tokens on that
            "reasoning_effort": "none",
            "repeat_penalty": request.sampling.repeat_penalty,
        }
        for name, older in _OLDER_NAME.items():
            if name in self._refused:
                wanted[older] = wanted.pop(name)
        return {
            name: value for name, value in wanted.items() if value is not None and name not in self._refused
        }

    def learn(self, error: openai.APIStatusError, sent: Mapping[str, Any]) -> bool:
        """Leave out from now on the parameter that a refusal names.

        Returns whether it named one that was sent, so that another request may succeed.
        """
        body = {**sent, **sent.get("extra_body", {})}
        optional = [name for name in _OPTIONAL if name in body]
        message = f"{error.message} {error.body}"
        named = [error.param] if error.param in optional else []
        named += sorted(
            (name for name in optional if _index_of(name, message) >= 0),
            key=lambda name: _index_of(name, message),
        )
        if not named or named[0] == "max_tokens":  # an answer must have some limit
            return False
        self._refused.add(named[0] or "")
        return True


def _index_of(name: str, text: str) -> int:
    """Return where a text names a parameter; -1 if it does not."""
    match = re.search(rf"\b{name}\b", text)
    return match.start() if match else -1
