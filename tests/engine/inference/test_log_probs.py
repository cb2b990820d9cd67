"""How likely a model finds a given text: an extension of the API."""

import asyncio
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from engine.inference.llama_cpp import LlamaCppGenerator
from engine.messages import Message
from tests.support.engine_chats import USER
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY

TEXT = "Mira, a 40-year-old woman, zigzags over the quay."
CHAT = [*USER, {"role": "assistant", "content": TEXT}]


async def log_probs(client: AsyncOpenAI, messages: Any = CHAT, **more: Any) -> list[float]:
    body = {"model": TINY, "messages": messages, **more}
    answer: Any = await client.post("/chat/log_probs", body=body, cast_to=object)
    assert (answer["object"], answer["model"]) == ("chat.log_probs", TINY)
    return list(answer["log_probs"])


async def test_llama_cpp_gives_each_token_the_log_probability_that_torch_gives_it(tiny_base: Path) -> None:
    torch = pytest.importorskip("torch")
    from engine import base_model

    messages = [Message.model_validate(message) for message in CHAT]
    generator = await asyncio.to_thread(LlamaCppGenerator.load, tiny_base)
    try:
        turn = await generator.tokenize_turn(messages)
        found = await generator.log_probs(messages)
    finally:
        await generator.close()
    model = base_model.load(tiny_base, dtype=torch.float32)
    learned = turn.answer[: turn.learned]
    with torch.inference_mode():
        logits = model(torch.tensor([turn.prompt + learned])).logits[0, len(turn.prompt) - 1 : -1]
    expected = torch.log_softmax(logits.float(), dim=-1)[range(len(learned)), learned]
    assert found == pytest.approx(expected.tolist(), abs=0.02)


async def test_scores_are_the_same_while_others_chat_and_leave_their_answers_alone(
    client: AsyncOpenAI,
) -> None:
    alone = await log_probs(client)

    async def chat() -> str | None:
        answer = await client.chat.completions.create(model=TINY, messages=USER, max_tokens=20, seed=5)
        return answer.choices[0].message.content

    before = await chat()
    *scores, after = await asyncio.gather(*(log_probs(client, service_tier="flex") for _ in range(4)), chat())
    assert after == before
    for each in scores:
        assert each == pytest.approx(alone, abs=0.02)


@pytest.mark.parametrize(
    ("messages", "code"),
    [
        (USER, "invalid_value"),  # one message
        ([*USER, *USER], "invalid_value"),
        ([*USER, {"role": "assistant", "content": ""}], "invalid_value"),
        ([*USER, {"role": "assistant", "content": "a <|im_end|> b"}], "invalid_value"),
        ([*USER, {"role": "assistant", "content": "word " * 1100}], "context_length_exceeded"),
    ],
)
async def test_what_cannot_be_scored_is_refused(client: AsyncOpenAI, messages: Any, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as refused:
        await log_probs(client, messages)
    assert refused.value.code == code


async def test_an_unknown_model_is_not_found(engine: EngineProcess) -> None:
    with pytest.raises(openai.NotFoundError):
        await log_probs(engine.client(), model="nobody")
