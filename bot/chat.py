"""Chat: one request to a model, and how its answer is drawn."""

import re
from dataclasses import dataclass
from typing import TypedDict

from bot.config import FrozenModel

_FIRST_SENTENCE = re.compile(r"[^\n]+?[.!?](?=\s|$)")


class Message(TypedDict):
    """One turn of a chat, as the OpenAI API has it."""

    role: str
    content: str


class Sampling(FrozenModel):
    """How an answer is drawn; max_tokens bounds its length."""

    temperature: float
    top_p: float
    max_tokens: int
    repeat_penalty: float | None = None


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One question to a model: the chat, the drawing, and the words around the answer, where given."""

    messages: tuple[Message, ...]
    sampling: Sampling
    opening: str = ""
    ending: str = ""
    seed: int | None = None

    @property
    def max_tokens(self) -> tuple[int, int]:
        """Tokens of the question and of the answer, both rather too many: for limits and budgets."""
        asked = sum(len(message["content"].encode()) // 3 + 8 for message in self.messages)
        return asked, self.sampling.max_tokens

    def render(self, answer: str) -> str:
        """The text that an answer makes: all of it, or its first sentence between opening and ending.

        A first sentence that was cut short gets no ending.
        """
        if not self.ending:
            return (self.opening + answer).strip()
        sentence = _FIRST_SENTENCE.match(answer)
        return f"{self.opening}{sentence[0]} {self.ending}" if sentence else self.opening + answer

    def render_partial(self, answer: str) -> str:
        """The text that the beginning of an answer makes, while the rest is on its way."""
        # a sentence has ended for sure when the next one begins: "3." may become "3.5"
        return self.render(answer.rstrip(".!?") if self.ending else answer)
