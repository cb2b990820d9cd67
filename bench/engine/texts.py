"""Texts about heroes from a small grammar, about 140 tokens each: for speed only their length matters."""

import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.engine.load import ANSWER_TOKENS, Prompt
from bot.heroes.config import read_heroes
from bot.shipped_files import shipped
from engine.jobs import encoding
from engine.limits import CONTEXT
from engine.tokens import Encoded

_NAMES = (
    "Lena",
    "Mira",
    "Clara",
    "Ingrid",
    "Rosa",
    "Nadia",
    "Vera",
    "Freya",
    "Marcus",
    "Elias",
    "Jonah",
    "Victor",
)
_POWERS = (
    "flight",
    "healing",
    "telepathy",
    "night vision",
    "super speed",
    "time travel",
    "invisibility",
    "ice",
)
_LOOKS = ("a narrow scar across the chin", "hair the colour of wet sand", "large hands and a slow smile")
_TRADES = ("repairs clocks in a shop by the harbour", "drives the night bus", "teaches children to swim")
_HABITS = (
    "Nobody on the street knows more than that, and the neighbours stopped asking about the late hours.",
    "On quiet evenings the old roof above the market is the place to think, to rest and to watch the trains.",
    "A worn notebook holds every person who was helped, with the date, the weather and what it taught.",
)
_ENDS = (
    "What others would call a gift feels more like a promise, made long ago and kept one day after another.",
    "There is no costume and no secret name, only the wish that tomorrow nobody needs to be saved at all.",
)


@dataclass(frozen=True)
class Text:
    """A prompt, and an answer to it."""

    prompt: str
    answer: str

    def to_supervised(self) -> dict[str, Any]:
        """Return a line of a training file."""
        return {"messages": [_message("user", self.prompt), _message("assistant", self.answer)]}

    def to_preference(self, worse: str) -> dict[str, Any]:
        """Return a line of a training file for preferences, with `worse` as the rejected answer."""
        return {
            "input": {"messages": [_message("user", self.prompt)]},
            "preferred_output": [_message("assistant", self.answer)],
            "non_preferred_output": [_message("assistant", worse)],
        }


def texts(count: int, seed: int = 1) -> list[Text]:
    """Return `count` texts: the same ones for the same seed."""
    draw = random.Random(seed)  # noqa: S311  (variety, not secrecy)
    return [_text(draw) for _ in range(count)]


async def encode(base: Path, texts: Sequence[Text], out: Path) -> list[Encoded]:
    """Write the token ids of `texts` to a file, as the engine does for its trainer, and return them."""
    from engine.inference.llama_cpp import LlamaCppGenerator  # noqa: PLC0415  (loads a model)

    lines = out.with_suffix(".jsonl")
    lines.write_text("".join(f"{json.dumps(text.to_supervised())}\n" for text in texts), encoding="utf-8")
    generator = LlamaCppGenerator.load(base)
    try:
        await encoding.encode_file(
            lines, out, "supervised", at_least=1, max_tokens=CONTEXT, tokenize=generator.tokenize_turn
        )
    finally:
        await generator.close()
    return [text for found in encoding.read(out) for text in found]


def questions(seed: int = 2, *, tokens: int = ANSWER_TOKENS) -> Iterator[Prompt]:
    """Yield an endless series of different questions, each about 60 tokens long with the chat template.

    tokens: of the answer, at most.
    """
    draw = random.Random(seed)  # noqa: S311
    while True:
        question = (
            f"Describe {draw.choice(_NAMES)}, {draw.randint(16, 99)}, who has {draw.choice(_LOOKS)}, "
            f"{draw.choice(_TRADES)} and has the power of {draw.choice(_POWERS)}, in six long sentences."
        )
        yield Prompt([_message("user", question)], {"max_completion_tokens": tokens})


def author_prompts() -> Iterator[Prompt]:
    """Yield an endless series of what a dataset build asks a small model: the beginnings of answers."""
    heroes = read_heroes(shipped("data/heroes.toml"))
    for seed in itertools.count():
        (hero,) = heroes.vocabulary.sample(seed, limit=1)
        request = heroes.prompts.author_request(hero, small=True, seed=seed)
        sampling = request.sampling
        parameters = {
            "max_completion_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        yield Prompt(request.messages, parameters)


def _text(draw: random.Random) -> Text:
    name, age, power = draw.choice(_NAMES), draw.randint(16, 99), draw.choice(_POWERS)
    answer = (
        f"{name} is {age} years old and has the power of {power}. With {draw.choice(_LOOKS)}, {name} "
        f"{draw.choice(_TRADES)} and speaks little about the power of {power}. "
        f"{draw.choice(_HABITS)} {draw.choice(_HABITS)} {draw.choice(_ENDS)}"
    )
    return Text(f"{age}, {name}, {power} ->", answer)


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}
