"""Dialects: which parameters a model takes, learnt from its refusals."""

import re
from collections.abc import Mapping
from typing import Any

import openai

from bot.chat import ChatRequest

_NAMES = (
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
_OURS = frozenset({"repeat_penalty"})  # not in the SDK's own signature


class SupportedParameters:
    """The parameters that one model is asked with: all that we would like, less what it has refused.

    No table of model names says what a model takes: each tells by itself, the first time it is asked.
    """

    def __init__(self, *, extensions: bool) -> None:
        self._refused: set[str] = set() if extensions else set(_OURS)

    def arguments(self, ask: ChatRequest, *, streamed: bool = False) -> dict[str, Any]:
        """Keyword arguments for the SDK's create()."""
        body = self.body(ask)
        if streamed:
            body["stream"] = True
            if "stream_options" not in self._refused:
                body["stream_options"] = {"include_usage": True}
        as_they_are = {name: body.pop(name) for name in _OURS & body.keys()}
        # the SDK tries every message against every type there is: a tenth of what a /hero costs
        return body | {"extra_body": as_they_are | {"messages": list(ask.messages)}}

    def body(self, ask: ChatRequest) -> dict[str, Any]:
        """The request's parameters as they go over the wire, less model and messages."""
        wanted: dict[str, Any] = {
            "max_completion_tokens": ask.sampling.max_tokens,
            "temperature": ask.sampling.temperature,
            "top_p": ask.sampling.top_p,
            "seed": ask.seed,
            # a model that reasons by default would spend the tokens on that
            "reasoning_effort": "none",
            "repeat_penalty": ask.sampling.repeat_penalty,
        }
        for name, older in _OLDER_NAME.items():
            if name in self._refused:
                wanted[older] = wanted.pop(name)
        return {
            name: value for name, value in wanted.items() if value is not None and name not in self._refused
        }

    def learn(self, error: openai.APIStatusError, sent: Mapping[str, Any]) -> bool:
        """Take in a refusal.

        Returns whether it named a parameter that was sent, so that asking again may help.
        """
        body = {**sent, **sent.get("extra_body", {})}
        optional = [name for name in _NAMES if name in body]
        told = f"{error.message} {error.body}"
        named = [error.param] if error.param in optional else []
        named += sorted(
            (name for name in optional if _place(name, told) >= 0), key=lambda name: _place(name, told)
        )
        if not named or named[0] == "max_tokens":  # an answer without any bound is not asked for
            return False
        self._refused.add(named[0] or "")
        return True


def _place(name: str, text: str) -> int:
    """Where a text names a parameter; -1 where it does not."""
    found = re.search(rf"\b{name}\b", text)
    return found.start() if found else -1
