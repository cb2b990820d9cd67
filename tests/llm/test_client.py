"""The model client's patience, against a scripted server over real HTTP."""

import time

import pytest

from bot.app import App
from bot.errors import OutOfReach, ServerError, Unavailable, UnknownModel
from bot.llm.client import open_client
from bot.prompts import Ask, Sampling
from tests.scripted_server import Script

ASK = Ask(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=9),
    opening="So: ",
)


async def test_an_answer_brings_its_opening_and_its_counts(app: App, script: Script) -> None:
    answer = await app.client.complete(ASK, model="m")
    assert answer.text.startswith("So: Robin is a 40-year-old woman")
    assert answer.finish_reason == "stop"
    assert (answer.prompt_tokens, answer.completion_tokens) == (20, len(answer.text.split()) - 1)
    assert script.asked[0]["max_completion_tokens"] == 9


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_passing_trouble_is_tried_again(app: App, script: Script, status: int) -> None:
    script.failures = [status]
    await app.client.complete(ASK, model="m")
    assert len(script.asked) == 2


async def test_the_pause_that_the_server_asks_for_is_kept(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429], "1.5"
    started = time.monotonic()
    await app.client.complete(ASK, model="m")
    assert time.monotonic() - started >= 1.5


async def test_a_pause_longer_than_the_patience_is_not_begun(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429], "3600"
    with pytest.raises(OutOfReach, match="Try again in a minute"):
        await app.client.complete(ASK, model="m")


async def test_patience_ends(app: App, script: Script) -> None:
    script.failures = [500] * 1000
    with pytest.raises(OutOfReach):
        await app.client.complete(ASK, model="m", patience=1)
    assert 1 < len(script.asked) < 20


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (401, None, Unavailable),
        (403, None, Unavailable),
        (404, None, UnknownModel),
        (429, "insufficient_quota", Unavailable),
        (400, None, ServerError),
    ],
)
async def test_what_does_not_pass_is_told_at_once(
    app: App, script: Script, status: int, code: str | None, error: type[Exception]
) -> None:
    script.failures, script.failure_code = [status] * 9, code
    with pytest.raises(error) as caught:
        await app.client.complete(ASK, model="m")
    assert not isinstance(caught.value, OutOfReach)
    assert len(script.asked) == 1
    if isinstance(caught.value, Unavailable):
        assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_out_of_reach() -> None:
    async with open_client("http://127.0.0.1:9/v1", "none", extensions=True) as client:
        with pytest.raises(OutOfReach):
            await client.complete(ASK, model="m", patience=0.5)
