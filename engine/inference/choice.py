"""One choice of a completion: from the deltas of the model to those of the response, and to a message."""

from collections.abc import Iterator
from typing import Any

from engine.errors import ApiError
from engine.inference.chat_request import ChatRequest
from engine.inference.tools import ForcedCall, is_json


class ChoiceDeltas:
    """Turns the choices of llama.cpp's chunks into those of OpenAI's chunks."""

    def __init__(self, request: ChatRequest) -> None:
        """Start before the first chunk of one choice."""
        self._call = ForcedCall() if request.forces_call else None
        # a stop string of the client's own may cut JSON anywhere
        self._must_be_json = request.grammar is not None and not request.stop
        self._text = ""

    def convert(self, choice: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the response's choices (`delta`, `finish_reason`, `logprobs`) for one of the model's.

        Raises a 500 if the model left its grammar, which llama.cpp and llguidance do not prevent for schemas
        that become too complex on the way.
        """
        text, reason = choice["delta"].get("content") or "", choice["finish_reason"]
        if self._must_be_json:
            self._text += text
            if reason == "stop" and not is_json(self._text):
                raise ApiError(
                    500, "The model could not follow the schema to its end.", code="generation_failed"
                )
        if self._call is None:
            yield {**choice, "logprobs": _logprobs(choice)}
            return
        for delta in [*self._call.add(text), *(self._call.finish() if reason else [])]:
            yield {"delta": delta, "finish_reason": None, "logprobs": None}
        if reason or not text:
            reason = "tool_calls" if reason == "stop" else reason
            yield {"delta": {} if text else choice["delta"], "finish_reason": reason, "logprobs": None}


def _logprobs(choice: dict[str, Any]) -> dict[str, Any] | None:
    """Return llama.cpp's log-probabilities without the token ids, which OpenAI's API does not have."""
    if not (logprobs := choice.get("logprobs")):
        return None
    return {"content": [_without_id(token) for token in logprobs["content"]], "refusal": None}


def _without_id(token: dict[str, Any]) -> dict[str, Any]:
    more = {"top_logprobs": [_without_id(other) for other in token.get("top_logprobs", [])]}
    kept = {name: token[name] for name in ("token", "bytes", "logprob")}
    return kept | more if "top_logprobs" in token else kept


class WholeChoice:
    """Collects the deltas of one choice."""

    def __init__(self, index: int) -> None:
        """Start empty."""
        self._index = index
        self._text = ""
        self._calls: dict[int, dict[str, Any]] = {}
        self._logprobs: list[dict[str, Any]] = []
        self._finish_reason: str | None = None

    def add(self, choice: dict[str, Any]) -> None:
        """Add what `ChoiceDeltas.convert` yielded."""
        self._text += choice["delta"].get("content") or ""
        for call in choice["delta"].get("tool_calls") or []:
            self._add_call(call)
        self._logprobs += (choice["logprobs"] or {}).get("content", [])
        self._finish_reason = choice["finish_reason"] or self._finish_reason

    def _add_call(self, delta: dict[str, Any]) -> None:
        call = self._calls.setdefault(delta["index"], {"type": "function", "function": {"arguments": ""}})
        call |= {"id": delta["id"]} if delta.get("id") else {}
        function = delta.get("function", {})
        call["function"] |= {"name": function["name"]} if function.get("name") else {}
        call["function"]["arguments"] += function.get("arguments") or ""

    def as_choice(self) -> dict[str, Any]:
        """Return OpenAI's choice."""
        calls = {"tool_calls": list(self._calls.values())} if self._calls else {}
        content = None if calls and not self._text else self._text
        return {
            "index": self._index,
            "message": {"role": "assistant", "content": content, "refusal": None, **calls},
            "finish_reason": self._finish_reason,
            "logprobs": {"content": self._logprobs, "refusal": None} if self._logprobs else None,
        }
