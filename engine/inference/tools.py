"""Tools: their definitions in a request, the choice among them, and the deltas of a forced call."""

import json
import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from engine.ids import new_id
from engine.messages import reject_control_tokens
from engine.openai_object import HandedBack, OpenAIObject

MAX_TOOLS = 128

FunctionName = Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")]
_HEAD = re.compile(r'\{"name": "([^"]+)", "arguments": ')


class FunctionDefinition(OpenAIObject):
    """A function that the model may call; `parameters` is a JSON schema."""

    name: FunctionName
    description: Annotated[str, AfterValidator(reject_control_tokens)] | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class Tool(OpenAIObject):
    """One of a request's `tools`."""

    type: Literal["function"]
    function: FunctionDefinition

    @model_validator(mode="after")
    def _no_control_tokens_in_parameters(self) -> "Tool":
        # a chat template may write the definition into the prompt
        reject_control_tokens(json.dumps(self.function.parameters, ensure_ascii=False))
        return self


class ToolChoice(OpenAIObject):
    """`tool_choice`: a mode, or `required` with the name of one function."""

    mode: Literal["none", "auto", "required"]
    name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _parse(cls, value: Any) -> Any:
        match value:
            case "none" | "auto" | "required":
                return {"mode": value}
            case {"type": "function", "function": {"name": str(name)}}:
                return {"mode": "required", "name": name}
            case _:
                raise ValueError(
                    "use 'none', 'auto', 'required' or"
                    ' {"type": "function", "function": {"name": "..."}}'
                )


class CalledFunction(HandedBack):
    """What a call handed back names; `arguments` is JSON text."""

    name: FunctionName
    arguments: Annotated[str, AfterValidator(reject_control_tokens)]


class ToolCall(HandedBack):
    """A call in an assistant message that is handed back."""

    id: str | None = None
    type: Literal["function"] = "function"
    index: int | None = None
    function: CalledFunction

    def as_text(self) -> str:
        """Return the call as a model without tools of its own writes it."""
        name = json.dumps(self.function.name)
        return f'{{"name": {name}, "arguments": {self.function.arguments or "{}"}}}'


class ForcedCall:
    """Turns the text of a forced call, `{"name": ..., "arguments": ...}`, into the deltas of a tool call."""

    def __init__(self) -> None:
        """Start before the first character."""
        self._text = ""
        self._sent = 0  # characters of the text that deltas have carried

    def add(self, text: str) -> list[dict[str, Any]]:
        """Add text; return the deltas that are certain by now."""
        self._text += text
        deltas = []
        if not self._sent:
            if not (head := _HEAD.match(self._text)):
                return []
            self._sent = head.end()
            function = {"name": head.group(1), "arguments": ""}
            deltas.append(_delta({"id": new_id("call"), "type": "function", "function": function}))
        # the last character may be the brace that closes the call, not its arguments
        return deltas + self._arguments(len(self._text) - 1)

    def finish(self) -> list[dict[str, Any]]:
        """Return the deltas after the last text; of a call that was cut, they carry all that was written."""
        if not self._sent:
            return []
        return self._arguments(len(self._text) - is_json(self._text))

    def _arguments(self, end: int) -> list[dict[str, Any]]:
        text, self._sent = self._text[self._sent : end], max(self._sent, end)
        return [_delta({"function": {"arguments": text}})] if text else []


def _delta(call: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, **call}]}


def is_json(text: str) -> bool:
    """Return whether a text is complete JSON."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):  # a model may open a thousand brackets, and close none
        return False
    return True
