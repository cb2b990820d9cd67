"""A chat message, as requests and training files hold it."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field


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


class Message(BaseModel):
    """One turn of a chat. Content given as text parts becomes one string."""

    model_config = ConfigDict(extra="forbid", strict=True)

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, BeforeValidator(_joined)]


class TrainingMessage(Message):
    """A turn of a training example; an assistant turn of weight 0 is read but not learned."""

    weight: Literal[0, 1] = 1


class TrainingExample(BaseModel):
    """One line of a training file."""

    model_config = ConfigDict(extra="forbid", strict=True)

    messages: Annotated[list[TrainingMessage], Field(min_length=1)]
