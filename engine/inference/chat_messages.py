"""The messages of a chat request: what clients send, and what a chat template gets."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from engine.inference.tools import ToolCall
from engine.limits import CONTEXT, MAX_CHAT_CHARACTERS, MAX_MESSAGES
from engine.messages import join_text_parts, reject_control_tokens
from engine.openai_object import HandedBack


def _join_parts(content: Any) -> Any:
    """Join text parts; a refusal that is handed back is a text as well."""
    if isinstance(content, list):
        content = [
            {"type": "text", "text": part.get("refusal")}
            if isinstance(part, dict) and part.get("type") == "refusal"
            else part
            for part in content
        ]
    return join_text_parts(content)


class ChatMessage(HandedBack):
    """One message. `developer` is `system`; `name` and `tool_call_id` are accepted, as no model gets them."""

    role: Annotated[
        Literal["system", "user", "assistant", "tool"],
        BeforeValidator(lambda role: "system" if role == "developer" else role),
    ]
    content: Annotated[
        Annotated[str, AfterValidator(reject_control_tokens)] | None, BeforeValidator(_join_parts)
    ] = Field(default=None, validate_default=True)
    refusal: Annotated[str, AfterValidator(reject_control_tokens)] | None = None
    name: str | None = None
    tool_call_id: str | None = None
    tool_calls: list[ToolCall] | None = None

    @field_validator("content")
    @classmethod
    def _only_assistants_may_be_silent(cls, content: str | None, info: ValidationInfo) -> str | None:
        if content is None and info.data.get("role") != "assistant":
            raise PydanticCustomError("missing", "Field required")
        return content

    @field_validator("tool_calls")
    @classmethod
    def _only_assistants_call(
        cls, calls: list[ToolCall] | None, info: ValidationInfo
    ) -> list[ToolCall] | None:
        if calls and info.data.get("role") != "assistant":
            raise ValueError("only an assistant message can have them")
        return calls

    @property
    def text(self) -> str:
        """The content, or the refusal that stands in its place; empty if there is neither."""
        return self.content or self.refusal or ""

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing and calls nothing."""
        return not self.text and not self.tool_calls

    def for_template(self, *, knows_tools: bool) -> dict[str, Any]:
        """Return the message for a chat template.

        If the template does not know tools, a call is the text that the model wrote, and a tool's result is a
        user's message.
        """
        if self.role == "tool" and not knows_tools:
            return {"role": "user", "content": self.text}
        if not self.tool_calls:
            return {"role": self.role, "content": self.text}
        if knows_tools:
            calls = [call.model_dump(exclude={"index"}, exclude_none=True) for call in self.tool_calls]
            return {"role": self.role, "content": self.text, "tool_calls": calls}
        texts = [self.text, *(call.as_text() for call in self.tool_calls)]
        return {"role": self.role, "content": "\n".join(filter(None, texts))}


def _check_number(messages: Any) -> Any:
    # before each one is validated
    if isinstance(messages, list) and len(messages) > MAX_MESSAGES:
        raise ValueError(f"a chat has at most {MAX_MESSAGES} messages, and these are {len(messages)}")
    return messages


def _check_characters(messages: list[ChatMessage]) -> list[ChatMessage]:
    # a template and a tokenizer would take seconds for a text that cannot fit
    characters = sum(len(message.text) for message in messages)
    if characters > MAX_CHAT_CHARACTERS:
        raise PydanticCustomError(
            "context_length_exceeded",
            "The messages have {characters} characters; prompt and answer together have {context} tokens.",
            {"characters": characters, "context": CONTEXT},
        )
    return messages


def _drop_empty_end(messages: list[ChatMessage]) -> list[ChatMessage]:
    """Remove empty assistant messages from the end: there is nothing to continue, so a new answer begins."""
    end = len(messages)
    while end and messages[end - 1].role == "assistant" and messages[end - 1].is_empty:
        end -= 1
    if not end:
        raise ValueError("there is no message to answer")
    if messages[end - 1].tool_calls:
        raise ValueError("an assistant message with 'tool_calls' must be followed by the tools' messages")
    return messages[:end]


Messages = Annotated[
    list[ChatMessage],
    BeforeValidator(_check_number),
    AfterValidator(_check_characters),
    AfterValidator(_drop_empty_end),
]
"""The messages of one chat."""
