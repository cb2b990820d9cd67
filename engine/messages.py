"""A chat message, as requests and training files hold it."""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

_CONTROL_TOKEN = re.compile(r"<\|\w+\|>")


def _joined(content: Any) -> Any:
    """Take a list of text parts as one text; leave the rest to the validation of a string."""
    if not isinstance(content, list):
        return content
    texts = []
    for part in content:
        if not isinstance(part, dict) or part.get("type") != "text" or not isinstance(part.get("text"), str):
            raise ValueError('only parts {"type": "text", "text": "..."} are understood')
        texts.append(part["text"])
    return "".join(texts)


def _no_control_token(content: str) -> str:
    """Refuse what a chat template would put between turns.

    A tokenizer reads the whole chat as one text: such words within a message would end its turn and begin
    another, of any role.
    """
    if found := _CONTROL_TOKEN.search(content):
        raise ValueError(f"'{found.group()}' is a control token, which a message cannot hold")
    return content


class Message(BaseModel):
    """One turn of a chat. Content given as text parts becomes one string."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined), AfterValidator(_no_control_token)]


class TrainingMessage(Message):
    """A turn of a training example; an assistant turn of weight 0 is read but not learned."""

    weight: Literal[0, 1] = 1


class TrainingExample(BaseModel):
    """One line of a training file for the method `supervised`."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages: Annotated[list[TrainingMessage], Field(min_length=1)]

    @property
    def chats(self) -> list[list[Message]]:
        """The chats that are read in training."""
        return [list(self.messages)]


class Output(Message):
    """An assistant's answer."""

    role: Literal["assistant"]


class Input(BaseModel):
    """What both answers of a pair answer to."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages: Annotated[list[Message], Field(min_length=1)]


class PreferenceExample(BaseModel):
    """One line of a training file for the method `dpo`: two answers, of which the first is preferred."""

    model_config = ConfigDict(extra="forbid", strict=True)

    input: Input
    preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]
    non_preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]

    @property
    def chats(self) -> list[list[Message]]:
        """The chats that are read in training, the preferred one first."""
        return [
            [*self.input.messages, *self.preferred_output],
            [*self.input.messages, *self.non_preferred_output],
        ]
