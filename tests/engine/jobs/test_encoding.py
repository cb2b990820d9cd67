"""Training tokens are serving tokens: the ids of training files against those of llama.cpp itself."""

import json
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.jobs.encoding import encode
from engine.limits import CONTEXT
from engine.messages import PreferenceExample, TrainingExample
from engine.storage import weights
from engine.tokens import Encoded, Turn
from tests.support import tiny_model, tiny_tokenizer

_KEY = "for this test"
_ANSWER = "She can fly, 40 times."
_PROMPTS: Any = [
    [{"role": "user", "content": "40, woman, flight ->"}],
    [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": " naïve 漢字 🦸 1234567\n\n\ttab  two  spaces "},
    ],
    [
        {"role": "user", "content": "one 123"},
        {"role": "assistant", "content": "two <filename> three"},
        {"role": "user", "content": "four"},
    ],
]

# templates of the usual kinds; each ends an answer with the token that ends a generation
_CHATML = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
_INST = (
    "{% for m in messages %}{% if m.role == 'assistant' %} {{ m.content }} {{ eos_token }}"
    "{% else %}{{ bos_token }}[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}"
)
_SPOKEN = (
    "{% for m in messages %}{{ m.role }}: {{ m.content }}{% if m.role == 'assistant' %}{{ eos_token }}"
    "{% else %} {% endif %}{% endfor %}{% if add_generation_prompt %}assistant: {% endif %}"
)
_FORGETFUL = _CHATML.replace(
    "{{ m.content }}",
    "{% if m.role == 'assistant' and not loop.last %}{{ m.content[:3] }}{% else %}{{ m.content }}{% endif %}",
)
_TEMPLATE, _BOS, _EOS = (
    "tokenizer.chat_template",
    "tokenizer.ggml.add_bos_token",
    "tokenizer.ggml.add_eos_token",
)
_BOS_ID = "tokenizer.ggml.bos_token_id"
_SPACE, _SPLITS = "tokenizer.ggml.add_space_prefix", "tokenizer.ggml.pre"

_PAIRS: dict[str, dict[str, Any]] = {
    "as packaged": {},
    "bos that begins each turn": {_BOS: True},
    "bos": {_BOS: True, _BOS_ID: 0},
    "bos, also by the template": {_BOS: True, _BOS_ID: 0, _TEMPLATE: "{{ bos_token }}" + _CHATML},
    "bos, by the template only": {_BOS: False, _BOS_ID: 0, _TEMPLATE: "{{ bos_token }}" + _CHATML},
    "eos": {_EOS: True},
    "bos and eos": {_BOS: True, _BOS_ID: 0, _EOS: True},
    "digits in threes": {_SPLITS: "llama-bpe"},
    "words of GPT-2": {_SPLITS: "gpt-2"},
    "forgets answers": {_TEMPLATE: _FORGETFUL},
    "spoken": {_TEMPLATE: _SPOKEN},
}
_PIECES: dict[str, dict[str, Any]] = {
    "inst": {_BOS: True, _TEMPLATE: _INST},
    "inst without bos": {_BOS: False, _TEMPLATE: _INST},
    "inst without spaces": {_BOS: True, _SPACE: False, _TEMPLATE: _INST},
    "inst with eos": {_BOS: True, _EOS: True, _TEMPLATE: _INST},
    "spoken": {_BOS: True, _TEMPLATE: _SPOKEN},
    "spoken without spaces": {_BOS: True, _SPACE: False, _TEMPLATE: _SPOKEN},
    "chatml": {_TEMPLATE: _CHATML.replace("<|im_end|>", "{{ eos_token }}")},
}


class Served:
    """A model in memory, asked over llama.cpp's own port."""

    def __init__(self, generator: LlamaCppGenerator) -> None:
        self._generator = generator

    def _ask(self, path: str, **body: Any) -> Any:
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {_KEY}"}
        request = urllib.request.Request(self._generator.address + path, json.dumps(body).encode(), headers)  # noqa: S310
        with urllib.request.urlopen(request) as answer:  # noqa: S310  a loopback address
            return json.load(answer)

    async def prompt_tokens(self, chat: Any) -> int:
        """Return how many tokens llama.cpp read for a real chat."""
        chunks = [chunk async for chunk in self._generator.chunks({"messages": chat, "max_tokens": 1})]
        return int(chunks[-1]["usage"]["prompt_tokens"])

    def prompt_ids(self, chat: Any) -> list[int]:
        """Return the ids that llama.cpp reads for a chat."""
        text = self._ask("/apply-template", messages=chat)["prompt"]
        return list(self._ask("/tokenize", content=text, parse_special=True, add_special=True)["tokens"])

    def text(self, ids: list[int]) -> str:
        """Return what llama.cpp writes for some ids."""
        return str(self._ask("/detokenize", tokens=ids)["content"])

    async def encode(self, chat: Any) -> list[Encoded]:
        return await encode(TrainingExample(messages=chat), self._generator.tokenize_turn, CONTEXT)

    async def encode_pair(self, chat: Any, better: str, worse: str) -> list[Encoded]:
        pair = {
            "input": {"messages": chat},
            "preferred_output": [{"role": "assistant", "content": better}],
            "non_preferred_output": [{"role": "assistant", "content": worse}],
        }
        return await encode(PreferenceExample.model_validate(pair), self._generator.tokenize_turn, CONTEXT)


@asynccontextmanager
async def served(base: Path) -> AsyncIterator[Served]:
    generator = LlamaCppGenerator.load(base, key=_KEY)
    try:
        yield Served(generator)
    finally:
        await generator.close()


def answered(prompt: Any, answer: str = _ANSWER) -> Any:
    return [*prompt, {"role": "assistant", "content": answer}]


async def check(base: Path) -> None:
    """Compare what comes before each learned answer with what llama.cpp reads, and the answer's text."""
    async with served(base) as model:
        for prompt in _PROMPTS:
            chat = answered(prompt)
            turns = [index for index, message in enumerate(chat) if message["role"] == "assistant"]
            texts = await model.encode(chat)
            learned = [
                (text.ids[:start], text.ids[start:end]) for text in texts for start, end in text.learned
            ]
            assert len(learned) == len(turns)
            for turn, (before, answer) in zip(turns, learned, strict=True):
                assert before == model.prompt_ids(chat[:turn])
                assert len(before) == await model.prompt_tokens(chat[:turn])
                content, end = chat[turn]["content"], model.text(answer).strip()
                assert end.startswith(content)
                assert "  " not in model.text(answer)
                assert end.removeprefix(content).strip() in {"<|im_end|>", "</s>"}
            better, worse = await model.encode_pair(prompt, _ANSWER, "No.")
            assert (better.ids, better.learned) == (texts[-1].ids, texts[-1].learned[-1:])
            assert worse.ids[: worse.learned[0][0]] == learned[-1][0]


def variant(base: Path, folder: Path, changes: dict[str, Any]) -> Path:
    """Write a model with another chat template, or other tokens around a prompt."""
    tokenizer = tiny_tokenizer.changed(tiny_tokenizer.byte_pairs(base), changes)
    return tiny_model.write_with(folder / "tiny.gguf", tokenizer)


@pytest.mark.parametrize("kind", _PAIRS)
async def test_byte_pairs(kind: str, tiny_base: Path, tmp_path: Path) -> None:
    await check(variant(tiny_base, tmp_path, _PAIRS[kind]))


@pytest.mark.parametrize("kind", _PIECES)
async def test_sentence_pieces(kind: str, tmp_path: Path) -> None:
    tokenizer = tiny_tokenizer.sentence_pieces(
        "She can fly, times. woman flight one two three four Be brief. user assistant"
    )
    await check(
        tiny_model.write_with(tmp_path / "tiny.gguf", tiny_tokenizer.changed(tokenizer, _PIECES[kind]))
    )


@pytest.mark.real
async def test_the_packaged_weights() -> None:
    await check(weights.find(None).path)


@pytest.mark.parametrize(
    ("kind", "texts"), [("as packaged", 1), ("bos", 1), ("eos", 2), ("forgets answers", 2)]
)
async def test_answers_that_are_read_differently_later_are_texts_of_their_own(
    kind: str, texts: int, tiny_base: Path, tmp_path: Path
) -> None:
    async with served(variant(tiny_base, tmp_path, _PAIRS[kind])) as model:
        assert len(await model.encode(answered(_PROMPTS[2]))) == texts


async def test_what_is_read_but_not_learned(tiny_base: Path) -> None:
    """An assistant's greeting, a message of weight 0, and two answers one after the other."""
    chat = [
        {"role": "assistant", "content": "Hello."},
        {"role": "user", "content": "one"},
        {"role": "assistant", "content": "two", "weight": 0},
        {"role": "user", "content": "three"},
        {"role": "assistant", "content": "four"},
        {"role": "assistant", "content": "five"},
    ]
    async with served(tiny_base) as model:
        [text] = await model.encode(chat)
        assert [model.text(text.ids[start:end]) for start, end in text.learned] == [
            "four<|im_end|>",
            "five<|im_end|>",
        ]
        before = model.text(text.ids[: text.learned[0][0]])
        assert before.index("Hello.<|im_end|>") < before.index("two<|im_end|>")


async def test_what_is_given_of_an_answer_is_not_learned(tiny_base: Path) -> None:
    """The ids before what is learned are those from which the server continues such a chat."""
    begun = "She can fly. The next morning, Robin"
    chat: Any = answered(_PROMPTS[0], f"{begun} mends a bell.")
    async with served(tiny_base) as model:
        [text] = await model.encode([chat[0], {**chat[1], "begun": begun}])
        ((start, end),) = text.learned
        assert model.text(text.ids[start:end]) == " mends a bell.<|im_end|>"
        assert start == await model.prompt_tokens(answered(_PROMPTS[0], begun))
    for wrong in ("He", chat[1]["content"]):
        with pytest.raises(ValueError, match="begin with `begun`, and go on"):
            TrainingExample.model_validate({"messages": [chat[0], {**chat[1], "begun": wrong}]})


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({_TEMPLATE: "{{ messages | length }}" + _CHATML}, "changes earlier messages"),
        (
            {
                _TEMPLATE: "{% if messages | length > 2 %}{{ raise_exception('only two turns') }}{% endif %}"
                + _CHATML
            },
            "only two turns",
        ),
    ],
)
async def test_templates_that_cannot_be_learned_are_refused(
    changes: Any, fault: str, tiny_base: Path, tmp_path: Path
) -> None:
    async with served(variant(tiny_base, tmp_path, changes)) as model:
        with pytest.raises(ValueError, match=fault):
            await model.encode(answered(_PROMPTS[2]))


@pytest.mark.parametrize(
    ("turns", "characters", "said"),
    [(600, 1, "1,200 messages"), (1, 300_000, "300,001 characters")],
)
async def test_what_cannot_fit_is_refused_unread(turns: int, characters: int, said: str) -> None:
    async def tokenize(_: Any) -> Turn:
        raise AssertionError("a template and a tokenizer take minutes for it")

    with pytest.raises(ValueError, match=said):
        await encode(_conversation(turns, characters), tokenize, CONTEXT)


async def test_the_turns_of_a_conversation_that_is_too_long_are_not_read_one_by_one() -> None:
    read: list[int] = []

    async def tokenize(messages: Any) -> Turn:
        read.append(len(messages))
        return Turn(prompt=[1] * 5 * len(messages), answer=[2], learned=1)

    [text] = await encode(_conversation(400, 1), tokenize, CONTEXT)
    assert (len(text.ids), read) == (4001, [800])


def _conversation(turns: int, characters: int) -> TrainingExample:
    turn = [{"role": "user", "content": "a" * characters}, {"role": "assistant", "content": "b"}]
    return TrainingExample.model_validate({"messages": turn * turns})
