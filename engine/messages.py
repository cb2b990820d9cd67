"""Chat messages and training examples, as requests and training files hold them."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_CONTROL_TOKEN = re.compile(r"<\|\w+\|>")


def join_text_parts(content: Any) -> Any:
    """Join a list of text parts; any other value is left to the validation of a string."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError('only parts {"type": "text", "text": "..."} are supported')
        texts.append(part["text"])
    return "".join(texts)


def reject_control_tokens(content: str) -> str:
    """Reject the tokens that a chat template puts between turns.

    A tokenizer reads the whole chat as one text: such a token within a message would end its turn and begin
    another one, of any role.
    """
    if found := _CONTROL_TOKEN.search(content):
        raise ValueError(f"'{found.group()}' is a control token, which a message cannot hold")
    return content


class Message(BaseModel):
    """One message of a chat; content given as text parts becomes one string."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(join_text_parts), AfterValidator(reject_control_tokens)]


class TrainingMessage(Message):
    """A message of a training example; an assistant message of weight 0 adds nothing to the loss."""

    weight: Literal[0, 1] = 1


class TrainingExample(BaseModel):
    """One line of a training file for supervised training."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages: Annotated[list[TrainingMessage], Field(min_length=1)]

    @property
    def chats(self) -> list[list[Message]]:
        """The chats that the model reads in training."""
        return [list(self.messages)]


class Output(Message):
    """An assistant message."""

    role: Literal["assistant"]


class Input(BaseModel):
    """The prompt that both outputs of a pair answer."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages: Annotated[list[Message], Field(min_length=1)]


class PreferenceExample(BaseModel):
    """One line of a training file for DPO: a preferred and a non-preferred output."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: Input
    preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]
    non_preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]

    @property
    def chats(self) -> list[list[Message]]:
        """The chats that the model reads in training, the preferred one first."""
        return [
            [*self.input.messages, *self.preferred_output],
            [*self.input.messages, *self.non_preferred_output],
        ]
