"""Chat messages and training examples, as requests and training files hold them."""

import re
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from engine.openai_object import HandedBack

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


class Message(HandedBack):
    """One message of a chat; content given as text parts becomes one string, and `developer` is `system`."""

    role: Annotated[
        Literal["system", "user", "assistant"],
        BeforeValidator(lambda role: "system" if role == "developer" else role),
    ]
    content: Annotated[str, BeforeValidator(join_text_parts), AfterValidator(reject_control_tokens)]


class TrainingMessage(Message):
    """A message of a training example; an assistant message of weight 0 adds nothing to the loss.

    begun: how its content begins, if that is given, and not learned: a chat may end with an assistant
    message, which the answer continues.
    """

    weight: Annotated[Literal[0, 1], BeforeValidator(lambda weight: 1 if weight is None else weight)] = 1
    begun: Annotated[str, BeforeValidator(lambda begun: "" if begun is None else begun)] = ""

    @model_validator(mode="after")
    def _goes_on(self) -> Self:
        if self.begun and (
            not self.content.startswith(self.begun) or not self.content[len(self.begun) :].strip()
        ):
            raise ValueError("the content must begin with `begun`, and go on after it")
        return self


class TrainingExample(HandedBack):
    """One line of a training file for supervised training."""

    messages: Annotated[list[TrainingMessage], Field(min_length=1)]

    @property
    def learned_turns(self) -> list[int]:
        """The indices of the messages to learn: the assistant's of weight 1.

        One that opens the conversation is read, but not learned: it answers nothing.
        """
        return [
            index
            for index, message in enumerate(self.messages)
            if index and message.role == "assistant" and message.weight
        ]


class Output(Message):
    """An assistant message."""

    role: Literal["assistant"]


class Input(HandedBack):
    """The prompt that both outputs of a pair answer."""

    messages: Annotated[list[Message], Field(min_length=1)]


class JudgedExample(HandedBack):
    """One line of a training file for KTO: a chat, and whether its last message is wanted."""

    messages: Annotated[list[Message], Field(min_length=1)]
    label: bool


class PreferenceExample(HandedBack):
    """One line of a training file for DPO: a preferred and a non-preferred output."""

    input: Input
    preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]
    non_preferred_output: Annotated[list[Output], Field(min_length=1, max_length=1)]
