"""Supported parameters: what a model refuses is learnt once, and thinking is kept as short as it allows."""

import asyncio
from typing import Any

import httpx2
import openai
import pytest
from aiohttp import web

from bot.app import App, open_app
from bot.chat import ChatRequest, Sampling
from bot.llm.budget import Account
from bot.llm.model_parameters import ENGINE, HOSTED, SERVING, Extensions, SupportedParameters
from bot.llm.retry import BACKGROUND, INTERACTIVE
from bot.llm.stream import Stream
from bot.settings import Settings
from tests.support.lora_server import serving
from tests.support.scripted_server import Script

REQUEST = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},), Sampling(temperature=1, top_p=1, max_tokens=9)
)

OPENAI = (
    "Unsupported value: 'reasoning_effort' does not support 'none' with this model. Supported values are: "
)
REFUSALS: list[tuple[str, str | None, str | None]] = [
    (OPENAI + "'low', 'medium', and 'high'.", "reasoning_effort", "low"),
    (OPENAI + "'minimal', 'low', 'medium', and 'high'.", "reasoning_effort", "minimal"),
    (OPENAI + "'medium'.", "reasoning_effort", "medium"),
    ("Invalid value: 'none'. Supported values are: 'high' and 'xhigh'.", "reasoning_effort", "high"),
    (
        "[{'loc': ('body', 'reasoning_effort'), 'msg': \"Input should be 'low', 'medium' or 'high'\"}]",
        None,
        "low",
    ),
    ("`reasoning_effort` must be one of `low`, `medium`, or `high`", None, "low"),
    ("reasoning_effort: unknown variant `none`, expected one of `minimal`, `low`, `medium`", None, "minimal"),
    ("reasoning_effort 'none' and 'minimal' are not supported here. Allowed values: LOW, HIGH", None, "low"),
    (
        "reasoning_effort none is too low: this model's limits are high. It can be medium or high.",
        None,
        "medium",
    ),
    ('reasoning_effort: "none" is not in ["low", "high"]', None, "low"),
    ("reasoning_effort is not supported with this model.", "reasoning_effort", None),
    ("Reasoning is mandatory for this endpoint and cannot be disabled.", None, None),
    ("Budget 0 is invalid. This model only works in thinking mode.", None, None),
]


def chat(
    refusal: str, param: str | None, allowed: str | None, asked: list[dict[str, Any]]
) -> web.Application:
    """Return a server that refuses every effort but one."""

    async def answer(request: web.Request) -> web.StreamResponse:
        body = await request.json()
        asked.append(body)
        await asyncio.sleep(0.02)
        if body.get("reasoning_effort") != allowed:
            return web.json_response({"error": {"message": refusal, "param": param, "code": 400}}, status=400)
        if body.get("stream"):
            text = b'data: {"choices": [{"delta": {"content": "Ada."}, "finish_reason": "stop"}]}\n\n'
            return web.Response(body=text, content_type="text/event-stream")
        return web.json_response({"choices": [{"message": {"content": "Ada."}, "finish_reason": "stop"}]})

    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    return app


@pytest.mark.parametrize(("refusal", "param", "least"), REFUSALS)
async def test_the_least_effort_that_a_refusal_names_is_asked_for_from_then_on(
    app: App, refusal: str, param: str | None, least: str | None
) -> None:
    """One refusal per model, also if many calls begin at once."""
    asked: list[dict[str, Any]] = []
    async with serving(chat(refusal, param, least, asked)) as url:
        app.client.api.base_url = url
        streams = (Stream() if number % 2 else None for number in range(8))
        answers = await asyncio.gather(
            *(
                app.client.complete(REQUEST, model="m", account=Account("hero"), stream=stream)
                for stream in streams
            )
        )
    assert {answer.text for answer in answers} == {"Ada."}
    assert [body.get("reasoning_effort") for body in asked] == ["none", *[least] * 8]


async def test_the_engine_answers_in_the_background_what_nobody_waits_for(app: App, script: Script) -> None:
    for policy in (BACKGROUND, INTERACTIVE):
        await app.client.complete(REQUEST, model="m", account=Account("build"), retry_policy=policy)
    assert [body.get("service_tier") for body in script.asked] == ["flex", None]
    script.refused = {"service_tier": "Input should be 'auto' or 'default'"}  # as version 0.1's
    for _ in range(2):
        await app.client.complete(REQUEST, model="m", account=Account("build"), retry_policy=BACKGROUND)
    assert [body.get("service_tier") for body in script.asked[2:]] == ["flex", None, None]


async def test_a_hosted_model_is_asked_without_a_tier(hosted: Settings, script: Script) -> None:
    async with open_app(hosted) as app:
        await app.client.complete(REQUEST, model="dear", account=Account("build"), retry_policy=BACKGROUND)
    assert "service_tier" not in script.asked[0]


async def test_an_effort_is_remembered_for_each_model(app: App, script: Script) -> None:
    script.refused = {"reasoning_effort": "reasoning_effort is not supported"}
    await app.client.complete(REQUEST, model="thinker", account=Account("hero"))
    script.refused = {}
    await app.client.complete(REQUEST, model="thinker", account=Account("hero"))
    await app.client.complete(REQUEST, model="other", account=Account("hero"))
    assert [body.get("reasoning_effort") for body in script.asked] == ["none", None, None, "none"]


async def test_efforts_that_are_refused_one_after_the_other_end(app: App) -> None:
    """A server whose list is wrong is asked with each effort once, then without."""
    asked: list[dict[str, Any]] = []
    refusal = "Supported values of reasoning_effort are: 'minimal', 'low'"
    async with serving(chat(refusal, None, None, asked)) as url:
        app.client.api.base_url = url
        await app.client.complete(REQUEST, model="m", account=Account("hero"))
        await app.client.complete(REQUEST, model="m", account=Account("hero"))
    assert [body.get("reasoning_effort") for body in asked] == ["none", "minimal", "low", None, None]


HOT = ChatRequest(REQUEST.messages, Sampling(temperature=2, top_p=1, max_tokens=9, min_p=0.25))


@pytest.mark.parametrize(("extensions", "sent"), [(ENGINE, 0.25), (SERVING, 0.5), (HOSTED, None)])
def test_min_p_leaves_out_the_same_tokens_wherever_the_temperature_applies(
    extensions: Extensions, sent: float | None
) -> None:
    """Behind a temperature of 2, at vLLM, every share is the square root of what it was before."""
    assert SupportedParameters(extensions).body(HOT).get("min_p") == sent


def test_a_server_that_refuses_min_p_is_not_asked_for_a_high_temperature() -> None:
    parameters = SupportedParameters(SERVING)
    sent = parameters.body(HOT)
    assert (sent["temperature"], sent["top_p"]) == (2, 1)
    assert parameters.learn(_refusal("min_p"), sent)
    assert {"temperature": 0.7, "top_p": 0.9}.items() <= parameters.body(HOT).items()
    assert parameters.body(REQUEST)["temperature"] == 1  # those that do without it stay as they are


def _refusal(parameter: str) -> openai.APIStatusError:
    response = httpx2.Response(400, request=httpx2.Request("POST", "http://server/v1"))
    return openai.BadRequestError(
        f"{parameter} is not supported", response=response, body={"param": parameter}
    )
