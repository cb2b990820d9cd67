"""A chat request to a model, its sampling parameters, and the text that its answer makes."""

import hashlib
import json
import re
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import TypedDict

from pydantic import Field

from bot.config import FrozenModel

# What chat templates put between turns: the engine refuses texts with them, since they would end a turn.
CONTROL_TOKEN = re.compile(r"<\|\w+\|>")

_FIRST_SENTENCE = re.compile(r"[^\n]+?[.!?](?=\s|$)")


class Message(TypedDict):
    """One turn of a chat, as in the OpenAI API."""

    role: str
    content: str


class Sampling(FrozenModel):
    """Sampling parameters; max_tokens limits the length of the answer.

    min_p: the least probability of a token, as a share of the likeliest one's, before the temperature
    applies; only servers of open models know it. It is in no stored key unless it is set.
    """

    temperature: float
    top_p: float
    max_tokens: int
    repeat_penalty: float | None = None
    min_p: float | None = Field(default=None, exclude_if=lambda value: value is None)


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """One request to a model: the chat, the sampling, and the text around the answer, if any.

    breaks: the answer's sentence ends before the first of these words, if the text has an ending.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    opening: str = ""
    ending: str = ""
    seed: int | None = None
    breaks: tuple[str, ...] = ()

    @property
    def token_estimate(self) -> tuple[int, int]:
        """Upper estimates of the tokens of prompt and answer, for rate limits and budgets."""
        prompt_tokens = sum(len(message["content"].encode()) // 3 + 8 for message in self.messages)
        return prompt_tokens, self.sampling.max_tokens

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is asked, in hexadecimal digits: the key of what is stored of an answer."""
        asked = asdict(self)
        if not self.breaks:  # so that requests without them keep the keys of before there were any
            del asked["breaks"]
        return hashlib.sha256(json.dumps(asked, default=Sampling.model_dump).encode()).hexdigest()

    def continuing(self, text: str) -> "ChatRequest":
        """Return the request for the rest of a text, if it is not empty.

        Servers of open models continue an assistant's turn that ends the chat.
        """
        if not text:
            return self
        begun: Message = {"role": "assistant", "content": text}
        return replace(self, messages=(*self.messages, begun), opening=text)

    def render(self, answer: str) -> str:
        """Return the text that an answer makes; none if the answer is empty.

        With an ending, it is the answer's first sentence between opening and ending, up to a word where it
        breaks; without the ending if that sentence was cut short.
        """
        if not answer.strip():
            return ""
        if not self.ending:
            return (self.opening + answer).strip()
        whole = _FIRST_SENTENCE.match(answer)
        sentence = whole[0] if whole else answer
        end = _first_break(sentence, self.breaks)
        if end is not None:
            return f"{self.opening}{sentence[:end].rstrip(' ,')}. {self.ending}"
        return f"{self.opening}{sentence} {self.ending}" if whole else self.opening + answer

    def render_partial(self, answer: str) -> str:
        """Return the text that an unfinished answer makes."""
        # a sentence has surely ended only when the next one begins: "3." may become "3.5"
        return self.render(answer.rstrip(".!?") if self.ending else answer)


@lru_cache(maxsize=32)  # an answer is rendered with every chunk, and most chunks follow its first sentence
def _first_break(sentence: str, breaks: tuple[str, ...]) -> int | None:
    """Return where the first of these words is, but for those with which the sentence begins."""
    return min((end for word in breaks if (end := sentence.find(word)) > 0), default=None)
