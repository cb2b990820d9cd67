"""The model client, against a scripted server over real HTTP: retries, parameters, rate limits, budgets."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot.app import App, Timing, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import OutOfReach, OverBudget, ServerError, Unavailable, UnknownModel
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer, ClientTiming
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_RETRY
from bot.settings import Settings
from bot.store import spending
from tests.support.eventually import eventually
from tests.support.scripted_server import RateLimit, Script

REQUEST = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=9),
    opening="So: ",
)
ACCOUNT = Account("hero")


async def ask(app: App, model: str = "m") -> ChatAnswer:
    return await app.client.complete(REQUEST, model=model, account=ACCOUNT)


async def test_answer_has_its_opening_and_token_counts(app: App, script: Script) -> None:
    answer = await ask(app)
    assert answer.text.startswith("So: Robin is a 40-year-old woman")
    assert answer.finish_reason == "stop"
    assert (answer.prompt_tokens, answer.completion_tokens) == (20, len(answer.text.split()) - 1)
    assert (answer.attempts, answer.cost) == (1, 0)
    assert script.asked[0]["max_completion_tokens"] == 9


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_transient_status_is_retried(app: App, script: Script, status: int) -> None:
    script.failures = [status]
    assert (await ask(app)).attempts == 2


async def test_truncated_answer_is_retried(app: App, script: Script) -> None:
    script.cut = 2
    answer = await ask(app)
    assert answer.attempts == 3
    assert answer.text.endswith("boils.")


@pytest.mark.parametrize("retry_after", ["1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "nonsense"])
async def test_retry_after_is_honoured(app: App, script: Script, retry_after: str) -> None:
    script.failures, script.retry_after = [429], retry_after
    started = time.monotonic()
    await ask(app)
    assert time.monotonic() - started >= (1.5 if retry_after == "1.5" else 0)


async def test_interactive_call_does_not_wait_an_hour(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429], "3600"
    with pytest.raises(OutOfReach, match="Try again in a minute"):
        await ask(app)


async def test_429_pauses_all_calls(app: App, script: Script) -> None:
    """Including calls that begin later; a background call waits as long as the server asks."""
    await ask(app)
    script.failures, script.retry_after = [429], "1.2"
    started = time.monotonic()

    async def complete() -> float:
        await app.client.complete(REQUEST, model="m", account=ACCOUNT, retry_policy=BACKGROUND)
        return time.monotonic() - started

    first = asyncio.create_task(complete())
    await eventually(lambda: app.client.rate_limiter("m").paused_for > 0, what="the 429 pauses the limiter")
    later = await asyncio.gather(*(complete() for _ in range(5)))

    assert min(await first, *later) >= 1.2
    assert len(script.asked) == 1 + 1 + 6


async def test_retries_end_after_max_seconds(app: App, script: Script) -> None:
    script.failures = [500] * 1000
    with pytest.raises(OutOfReach):
        await app.client.complete(
            REQUEST, model="m", account=ACCOUNT, retry_policy=replace(INTERACTIVE, max_seconds=1)
        )
    assert 1 < len(script.asked) < 20


async def test_retries_end_after_max_attempts(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429] * 1000, "0"
    with pytest.raises(OutOfReach):
        await app.client.complete(REQUEST, model="m", account=ACCOUNT, retry_policy=BACKGROUND)
    assert len(script.asked) == BACKGROUND.max_attempts


@pytest.mark.parametrize(
    ("status", "code", "error", "words"),
    [
        (401, None, Unavailable, "OPENAI_API_KEY"),
        (403, None, Unavailable, "OPENAI_API_KEY"),
        (402, None, Unavailable, "credit"),
        (404, None, UnknownModel, "the model m"),
        (429, "insufficient_quota", Unavailable, "credit"),
        (400, None, ServerError, "secret"),
    ],
)
async def test_permanent_failure_is_raised_at_once(
    app: App, script: Script, status: int, code: str | None, error: type[Exception], words: str
) -> None:
    script.failures, script.failure_code = [status] * 9, code
    with pytest.raises(error, match=words) as caught:
        await ask(app)
    assert not isinstance(caught.value, OutOfReach)
    assert len(script.asked) == 1
    if isinstance(caught.value, Unavailable):
        assert "secret" not in str(caught.value)


async def test_an_address_without_v1_is_told(settings: Settings, script: Script) -> None:
    hosted = settings.model_copy(update={"openai_base_url": script.url.removesuffix("/v1")})
    async with open_app(hosted) as app:
        with pytest.raises(UnknownModel, match="its address, which ends in /v1 at most servers"):
            await ask(app)


async def test_unreachable_server_is_out_of_reach(settings: Settings) -> None:
    unreachable = settings.model_copy(update={"engine_url": "http://127.0.0.1:9/v1"})
    async with open_app(unreachable) as app:
        with pytest.raises(OutOfReach):
            await app.client.complete(
                REQUEST, model="m", account=ACCOUNT, retry_policy=replace(INTERACTIVE, max_seconds=0.5)
            )


async def test_refused_parameters_are_left_out_from_then_on(app: App, script: Script) -> None:
    """Some servers name the parameter in its field, some only in the message: one refusal each per model."""
    script.refused = {
        "max_completion_tokens": "Unrecognized request argument: detail max_completion_tokens",
        "reasoning_effort": "Unsupported value: 'none' is not supported with this model.",
        "top_p": "{'detail': [{'loc': ['body', 'top_p'], 'msg': 'Extra inputs are not permitted'}]}",
    }

    answers = await asyncio.gather(*(ask(app) for _ in range(10)))

    assert sorted(answer.attempts for answer in answers)[-2:] == [1, 4]
    refusals = [body for body in script.asked if script.refused.keys() & body.keys()]
    assert len(refusals) == 3
    assert {
        name: script.asked[-1].get(name) for name in ("max_tokens", "temperature", "reasoning_effort")
    } == {
        "max_tokens": 9,
        "temperature": 1,
        "reasoning_effort": None,
    }

    await ask(app, "another")
    assert len([body for body in script.asked if script.refused.keys() & body.keys()]) == 6


async def test_reasoning_is_switched_off(app: App, script: Script) -> None:
    await ask(app)
    assert script.asked[0]["reasoning_effort"] == "none"


async def test_rate_limit_of_the_server_is_kept(app: App, script: Script) -> None:
    """120 calls at 60 a second, 10 of them at once: (120 - 10) / 60 seconds at best."""
    script.limit = RateLimit(10, 60)
    started = time.monotonic()
    await asyncio.gather(
        *(
            app.client.complete(REQUEST, model="m", account=ACCOUNT, retry_policy=BACKGROUND)
            for _ in range(120)
        )
    )
    assert time.monotonic() - started >= 110 / 60
    assert script.rate_limited <= 3


async def test_daily_budget_covers_every_call(hosted: Settings, script: Script) -> None:
    """An answer costs about 10 cents and at most 20: none is sent that might exceed the dollar."""
    settings = hosted.model_copy(update={"daily_budget": 1.0})
    long_request = replace(REQUEST, sampling=REQUEST.sampling.model_copy(update={"max_tokens": 200}))
    async with open_app(settings) as app:
        calls = (app.client.complete(long_request, model="dear", account=ACCOUNT) for _ in range(20))
        answers = await asyncio.gather(*calls, return_exceptions=True)
        refusals = [str(answer) for answer in answers if isinstance(answer, OverBudget)]
        assert "DAILY_BUDGET" in refusals[0]
        remaining = await app.budget.remaining_today()
        async with app.db.read() as tx:
            day = time.strftime("%Y-%m-%d", time.gmtime())
            assert await spending.get_day_total(tx, day) == pytest.approx(1 - (remaining or 0))
    assert remaining is not None
    assert 0 <= remaining < 0.23
    assert len(script.asked) > 3

    async with open_app(settings) as restarted:  # the spending is stored
        with pytest.raises(OverBudget):
            await restarted.client.complete(long_request, model="dear", account=ACCOUNT)


@pytest.mark.parametrize(
    "trouble", ["dropped midway", "no choices", "out of time", "no connection", "refused"]
)
async def test_failed_call_is_booked_if_it_may_be_billed(
    hosted: Settings, script: Script, trouble: str
) -> None:
    match trouble:
        case "dropped midway":
            script.cut = 1
        case "no choices":
            script.reshape = lambda completion: completion | {"choices": []}
        case "out of time":
            script.delay = 0.6
        case "no connection":
            hosted = hosted.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})
        case "refused":
            script.failures = [500]
    async with open_app(hosted, Timing(client=ClientTiming(answer=0.3))) as app:
        with pytest.raises(OutOfReach):
            await app.client.complete(REQUEST, model="dear", account=ACCOUNT, retry_policy=NO_RETRY)
        async with app.db.read() as tx:
            spent = await spending.get_day_total(tx, time.strftime("%Y-%m-%d", time.gmtime()))
    max_cost = sum(REQUEST.token_estimate) / 1000
    assert spent == (0 if trouble in {"no connection", "refused"} else pytest.approx(max_cost))


async def test_unknown_price_is_refused_under_a_budget(hosted: Settings, script: Script) -> None:
    async with open_app(hosted.model_copy(update={"daily_budget": 5.0})) as app:
        with pytest.raises(OverBudget, match="price of strange is unknown"):
            await ask(app, "strange")
    async with open_app(hosted) as app:
        assert (await ask(app, "strange")).cost is None
    assert len(script.asked) == 1
