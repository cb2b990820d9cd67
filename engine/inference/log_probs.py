"""How likely a model finds a text that somebody else wrote: an extension of OpenAI's API.

`POST /v1/chat/log_probs` takes a chat that ends with an assistant message, and returns the log-probability of
each token that a training on the chat would learn of that message: its text, and the token that ends it.
"""

from typing import Annotated, Self

from pydantic import Field, model_validator

from engine.inference.chat_request import ServiceTier
from engine.limits import MAX_MESSAGES
from engine.messages import Message
from engine.openai_object import OpenAIObject


class LogProbsRequest(OpenAIObject):
    """The body of `POST /v1/chat/log_probs`; it takes one slot of the model."""

    model: str
    messages: Annotated[list[Message], Field(min_length=2, max_length=MAX_MESSAGES)]
    service_tier: ServiceTier | None = None

    @model_validator(mode="after")
    def _ends_with_a_text(self) -> Self:
        if self.messages[-1].role != "assistant" or not self.messages[-1].content:
            raise ValueError("the last message must be the assistant's, with the text that is asked for")
        return self
