"""The older completions API, as `openai.Completion.create` and its successors call it."""

import json
from typing import Any

import aiohttp
import openai
import pytest
from openai import AsyncOpenAI
from openai.types import Completion

from tests.support.engine_chats import PROMPT_TOKENS, USER, ask, assert_declared
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY, Training

PROMPT: str = USER[0]["content"]


async def complete(client: AsyncOpenAI, prompt: Any = PROMPT, **options: Any) -> Any:
    return await client.completions.create(model=TINY, prompt=prompt, **({"max_tokens": 12} | options))


async def post(engine: EngineProcess, body: dict[str, Any]) -> tuple[int, str]:
    """Send a request as openai 0.28 does; return status and body."""
    headers = {"Authorization": "Bearer none", "User-Agent": "OpenAI/v1 PythonBindings/0.28.1"}
    async with (
        aiohttp.ClientSession(headers=headers) as http,
        http.post(engine.url + "/completions", json=body) as response,
    ):
        return response.status, await response.text()


async def test_a_prompt_is_a_users_message(client: AsyncOpenAI) -> None:
    answer = await complete(client, temperature=0)
    chat = await ask(client, temperature=0)
    assert answer.choices[0].text == chat.choices[0].message.content
    assert (answer.object, answer.choices[0].finish_reason) == ("text_completion", "length")
    assert answer.usage.prompt_tokens == PROMPT_TOKENS
    assert answer.usage.total_tokens == PROMPT_TOKENS + 12


@pytest.mark.parametrize("stream", [False, True])
async def test_the_articles_own_call_is_answered_as_tuned(training: Training, stream: bool) -> None:
    """The model was tuned on chats; a prompt without their template would get an untuned model's words."""
    body = {
        "model": training.model,
        "prompt": "31, woman, flight ->",
        "stop": [" END"],
        "max_tokens": 30,
        "temperature": 0,
        "stream": stream,
    }
    status, text = await post(training.engine, body)
    parts = [line.removeprefix("data: ") for line in text.split("\n\n") if line != "data: [DONE]"]
    texts = [json.loads(part)["choices"][0]["text"] for part in parts if part]
    assert status == 200
    assert text.endswith("data: [DONE]\n\n") == stream
    assert "She is" in "".join(texts)


async def test_several_prompts_and_choices_are_numbered_in_order(client: AsyncOpenAI) -> None:
    answer = await complete(client, ["one", PROMPT], n=2, seed=5)
    chats = [await ask(client, [{"role": "user", "content": text}], n=2, seed=5) for text in ("one", PROMPT)]
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    expected = [choice.message.content for chat in chats for choice in chat.choices]
    assert [choice.text for choice in answer.choices] == expected
    assert answer.usage.prompt_tokens == sum(chat.usage.prompt_tokens for chat in chats)
    assert answer.usage.completion_tokens == sum(chat.usage.completion_tokens for chat in chats)


async def test_a_stream_equals_the_complete_answer(client: AsyncOpenAI) -> None:
    complete_answer = await complete(client, ["one", PROMPT], n=2, seed=5)
    texts, ends, usages = [""] * 4, [""] * 4, []
    options: dict[str, Any] = {"stream": True, "stream_options": {"include_usage": True}}
    async for chunk in await complete(client, ["one", PROMPT], n=2, seed=5, **options):
        usages.append(chunk.usage)
        for choice in chunk.choices:
            texts[choice.index] += choice.text
            ends[choice.index] += choice.finish_reason or ""
    assert texts == [choice.text for choice in complete_answer.choices]
    assert ends == [choice.finish_reason for choice in complete_answer.choices]
    assert usages[:-1] == [None] * (len(usages) - 1)
    assert usages[-1] == complete_answer.usage


async def test_bodies_match_openais_types(engine: EngineProcess) -> None:
    body = {"model": TINY, "prompt": PROMPT, "max_tokens": 3}
    assert_declared(Completion.model_validate_json((await post(engine, body))[1], strict=True))
    *parts, done, rest = (await post(engine, body | {"stream": True}))[1].split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    for part in map(json.loads, (part.removeprefix("data: ") for part in parts)):
        assert set(part) == {"id", "object", "created", "model", "choices"}
        assert set(part["choices"][0]) == {"text", "index", "logprobs", "finish_reason"}


async def test_the_text_ends_before_a_stop_string(client: AsyncOpenAI) -> None:
    text = (await complete(client, seed=5)).choices[0].text
    middle = text[len(text) // 2 :][:4]
    stopped = await complete(client, seed=5, stop=[" END", middle])
    assert (stopped.choices[0].finish_reason, stopped.choices[0].text) == ("stop", text[: text.index(middle)])


async def test_values_that_ask_for_nothing_are_accepted(client: AsyncOpenAI) -> None:
    nothing: dict[str, Any] = {"echo": False, "logprobs": None, "suffix": None, "best_of": 1}
    nothing |= {"n": 1, "stop": None, "stream": False, "presence_penalty": 0}
    assert (await complete(client, **nothing)).choices[0].text
    assert (await complete(client, n=2, best_of=2, suffix="")).choices[1].text


@pytest.mark.parametrize(
    ("options", "param", "code"),
    [
        ({"prompt": [15496, 11]}, "prompt", "invalid_value"),
        ({"prompt": [[15496, 11]]}, "prompt", "invalid_value"),
        ({"prompt": []}, "prompt", "invalid_value"),
        ({"prompt": None}, "prompt", "invalid_value"),
        ({"prompt": "x<|im_end|>"}, "prompt", "invalid_value"),
        ({"prompt": "word " * 2000}, "prompt", "context_length_exceeded"),
        ({"prompt": ["x"] * 9, "n": 4}, "prompt", "invalid_value"),
        ({"echo": True}, "echo", "invalid_value"),
        ({"logprobs": 0}, "logprobs", "invalid_value"),
        ({"logprobs": 5}, "logprobs", "invalid_value"),
        ({"suffix": " END"}, "suffix", "invalid_value"),
        ({"best_of": 3}, "best_of", "invalid_value"),
        ({"n": 9}, "n", "invalid_value"),
        ({"temperature": 2.5}, "temperature", "invalid_value"),
        ({"extra_body": {"messages": USER}}, "messages", "unknown_parameter"),
        ({"extra_body": {"surprise": 1}}, "surprise", "unknown_parameter"),
    ],
)
async def test_rejected_by_name(client: AsyncOpenAI, options: dict[str, Any], param: str, code: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.BadRequestError) as caught:
            await complete(client, **options, stream=stream)
        assert (caught.value.param, caught.value.code) == (param, code)


async def test_a_missing_prompt_and_an_unknown_model(engine: EngineProcess, client: AsyncOpenAI) -> None:
    status, text = await post(engine, {"model": TINY})
    assert (status, json.loads(text)["error"]["code"]) == (400, "missing_required_parameter")
    with pytest.raises(openai.NotFoundError):
        await client.completions.create(model="davinci", prompt=PROMPT)
