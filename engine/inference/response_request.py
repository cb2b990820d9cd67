"""The request of the Responses API, for texts: its fields, and the chat request that answers it.

https://platform.openai.com/docs/api-reference/responses/create

A conversation is sent whole with each request; only recent answers may be named by the ids of their messages.
What the engine does not have (tools, images, reasoning) is refused by name; a value that asks for nothing is
accepted.
"""

import re
from functools import cached_property
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo

from engine import request_body
from engine.errors import renamed_params
from engine.inference.chat_request import ChatRequest, ServiceTier
from engine.inference.recent_messages import RecentMessages
from engine.inference.unsupported import unsupported
from engine.metadata import Metadata
from engine.openai_object import OpenAIObject

_TEXT_TYPES = {"input_text": "text", "output_text": "text"}
_NOT_KEPT = "the engine keeps no responses: send the whole conversation as 'input'"
_CHAT_MESSAGE = re.compile(r"messages\[(\d+)\](.*)")
_NAMES = {
    "messages": "input",
    "max_completion_tokens": "max_output_tokens",
    "reasoning_effort": "reasoning.effort",
    "response_format": "text.format",
    "response_format.json_schema": "text.format",
}


def _as_items(value: Any) -> Any:
    return [{"role": "user", "content": value}] if isinstance(value, str) else value


def _as_message(item: Any, info: ValidationInfo) -> Any:
    """Put the message in the place of a reference; reject what is neither."""
    kind = item.get("type") if isinstance(item, dict) else None
    if kind == "item_reference":
        text = info.context.get(str(item.get("id"))) if isinstance(info.context, RecentMessages) else None
        if text is None:
            raise ValueError(
                f"this message is no longer known; {_NOT_KEPT}, as clients do with 'store' false"
            )
        return {"role": "assistant", "content": text}
    if kind not in {None, "message"}:
        raise ValueError(f"only messages are supported, not '{kind}'")
    return item


def _as_chat_part(part: Any) -> Any:
    """Turn a text part into the chat API's; any other value is left to the validation of a chat."""
    if isinstance(part, dict) and part.get("type") in _TEXT_TYPES:
        return {"type": _TEXT_TYPES[part["type"]], "text": part.get("text")}
    return part


def _as_chat_content(content: Any) -> Any:
    return [_as_chat_part(part) for part in content] if isinstance(content, list) else content


class _Message(OpenAIObject):
    """A message; `id`, `status` and `phase` are those of an answer that is handed back."""

    type: Literal["message"] = "message"
    role: str
    content: Annotated[Any, BeforeValidator(_as_chat_content)]
    id: str | None = None
    status: str | None = None
    phase: str | None = None


class _Format(BaseModel):
    """What the text must be; the fields of a JSON schema are validated with the chat request."""

    model_config = ConfigDict(extra="allow", strict=True)

    type: Literal["text", "json_object", "json_schema"]


class _Text(OpenAIObject):
    format: _Format | None = None
    verbosity: Literal["low", "medium", "high"] | None = None


class _Reasoning(OpenAIObject):
    effort: str | None = None
    summary: str | None = None
    generate_summary: str | None = None


class _StreamOptions(OpenAIObject):
    include_obfuscation: bool | None = None


_NotStored = Annotated[Any, unsupported(f"{_NOT_KEPT}, and leave this out")]


class ResponseRequest(OpenAIObject):
    """The body of `POST /v1/responses`; unknown fields are rejected by name."""

    model: str
    input: Annotated[
        list[Annotated[_Message, BeforeValidator(_as_message)]],
        Field(min_length=1),
        BeforeValidator(_as_items),
    ]
    instructions: str | None = None
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    temperature: float | None = None
    top_p: float | None = None
    max_output_tokens: int | None = None
    text: _Text | None = None
    reasoning: _Reasoning | None = None
    metadata: Metadata | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    prompt_cache_retention: Literal["in_memory", "24h"] | None = None
    service_tier: ServiceTier | None = None
    truncation: Literal["disabled"] | None = None
    parallel_tool_calls: bool | None = None
    tool_choice: Literal["auto", "none"] | None = None
    tools: Annotated[Any, unsupported("tools are not supported at this endpoint")] = None
    max_tool_calls: int | None = None
    include: list[Literal["reasoning.encrypted_content"]] | None = None
    """There is no reasoning to include; clients that keep conversations ask for it in every request."""
    top_logprobs: Annotated[Any, unsupported("log probabilities are not supported")] = None
    background: Annotated[
        Any, unsupported("responses are made while you wait; /v1/batches works in the background")
    ] = None
    store: _NotStored = None
    """False: its message is not even kept for a while."""
    previous_response_id: _NotStored = None
    conversation: _NotStored = None
    prompt: Annotated[Any, unsupported("the engine keeps no prompts: give 'instructions' and 'input'")] = None

    @classmethod
    def parse(cls, recent: RecentMessages, body: bytes) -> "ResponseRequest":
        """Read a body, which may refer to recent messages. Raises ApiError or ValidationError."""
        request = request_body.parse(cls, body, context=recent)
        with renamed_params(request.rename):
            request.chat  # noqa: B018  this validates it
        return request

    @cached_property
    def chat(self) -> ChatRequest:
        """The chat request that answers this one. Raises ValidationError."""
        system = [{"role": "system", "content": self.instructions}] if self.instructions else []
        turns = [message.model_dump(include={"role", "content"}) for message in self.input]
        settings = {
            "temperature": self.temperature,
            "top_p": self.top_p,
            "max_completion_tokens": self.max_output_tokens,
            "reasoning_effort": self.reasoning and self.reasoning.effort,
            "response_format": self._response_format,
        }
        return ChatRequest.model_validate(
            {
                "model": self.model,
                "messages": system + turns,
                **{name: value for name, value in settings.items() if value is not None},
            }
        )

    @property
    def format(self) -> dict[str, Any]:
        """What the text must be, as the response repeats it."""
        return self.text.format.model_dump() if self.text and self.text.format else {"type": "text"}

    @property
    def _response_format(self) -> dict[str, Any] | None:
        """The same as the chat API has it; None for any text."""
        kind, schema = self.format["type"], {**self.format}
        del schema["type"]
        if kind == "text":
            return None
        return {"type": kind, "json_schema": schema} if kind == "json_schema" else {"type": kind, **schema}

    @property
    def choices(self) -> int:
        """Number of texts to generate."""
        return 1

    def rename(self, param: str) -> str:
        """Return what a field of the chat request is called here."""
        instructions = 1 if self.instructions else 0
        if found := _CHAT_MESSAGE.match(param):
            index = int(found[1]) - instructions
            return "instructions" if index < 0 else f"input[{index}]{found[2]}"
        for name in sorted(_NAMES, key=len, reverse=True):
            if param == name or param.startswith(f"{name}."):
                return _NAMES[name] + param.removeprefix(name)
        return param
