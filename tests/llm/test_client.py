"""The model client, against a scripted server over real HTTP: patience, dialects, pace, budgets."""

import asyncio
import time
from dataclasses import replace

import pytest

from bot.app import App, open_app
from bot.chat import ChatRequest, Sampling
from bot.errors import OutOfReach, OverBudget, ServerError, Unavailable, UnknownModel
from bot.llm.budget import Account
from bot.llm.client import ChatAnswer
from bot.llm.retry import BACKGROUND, INTERACTIVE, NO_RETRY
from bot.settings import Settings
from bot.store import spending
from tests.support.scripted_server import RateLimit, Script

ASK = ChatRequest(
    ({"role": "user", "content": "40, woman, healing ->"},),
    Sampling(temperature=1, top_p=1, max_tokens=9),
    opening="So: ",
)
SOMEBODY = Account("hero")


async def ask(app: App, model: str = "m") -> ChatAnswer:
    return await app.client.complete(ASK, model=model, account=SOMEBODY)


async def test_an_answer_brings_its_opening_and_its_counts(app: App, script: Script) -> None:
    answer = await ask(app)
    assert answer.text.startswith("So: Robin is a 40-year-old woman")
    assert answer.finish_reason == "stop"
    assert (answer.prompt_tokens, answer.completion_tokens) == (20, len(answer.text.split()) - 1)
    assert (answer.attempts, answer.cost) == (1, 0)
    assert script.asked[0]["max_completion_tokens"] == 9


@pytest.mark.parametrize("status", [408, 409, 429, 500, 503])
async def test_passing_trouble_is_tried_again(app: App, script: Script, status: int) -> None:
    script.failures = [status]
    assert (await ask(app)).attempts == 2


async def test_an_answer_cut_short_is_asked_for_again(app: App, script: Script) -> None:
    script.cut = 2
    answer = await ask(app)
    assert answer.attempts == 3
    assert answer.text.endswith("boils.")


@pytest.mark.parametrize("retry_after", ["1.5", "Wed, 21 Oct 2015 07:28:00 GMT", "nonsense"])
async def test_the_pause_that_the_server_asks_for_is_kept(app: App, script: Script, retry_after: str) -> None:
    script.failures, script.retry_after = [429], retry_after
    started = time.monotonic()
    await ask(app)
    assert time.monotonic() - started >= (1.5 if retry_after == "1.5" else 0)


async def test_a_person_is_not_made_to_wait_for_an_hour(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429], "3600"
    with pytest.raises(OutOfReach, match="Try again in a minute"):
        await ask(app)


async def test_a_429_holds_everybody_back(app: App, script: Script) -> None:
    """Also those who have not asked yet; a job waits as long as it is told to."""
    await ask(app)
    script.failures, script.retry_after = [429], "1.2"
    started = time.monotonic()

    async def one() -> float:
        await app.client.complete(ASK, model="m", account=SOMEBODY, retry_policy=BACKGROUND)
        return time.monotonic() - started

    first = asyncio.create_task(one())
    await asyncio.sleep(0.3)
    later = await asyncio.gather(*(one() for _ in range(5)))

    assert min(await first, *later) >= 1.2
    assert len(script.asked) == 1 + 1 + 6


async def test_patience_ends(app: App, script: Script) -> None:
    script.failures = [500] * 1000
    with pytest.raises(OutOfReach):
        await app.client.complete(
            ASK, model="m", account=SOMEBODY, retry_policy=replace(INTERACTIVE, max_seconds=1)
        )
    assert 1 < len(script.asked) < 20


async def test_attempts_are_bounded(app: App, script: Script) -> None:
    script.failures, script.retry_after = [429] * 1000, "0"
    with pytest.raises(OutOfReach):
        await app.client.complete(ASK, model="m", account=SOMEBODY, retry_policy=BACKGROUND)
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
async def test_what_does_not_pass_is_told_at_once(
    app: App, script: Script, status: int, code: str | None, error: type[Exception], words: str
) -> None:
    script.failures, script.failure_code = [status] * 9, code
    with pytest.raises(error, match=words) as caught:
        await ask(app)
    assert not isinstance(caught.value, OutOfReach)
    assert len(script.asked) == 1
    if isinstance(caught.value, Unavailable):
        assert "secret" not in str(caught.value)


async def test_a_server_that_is_not_there_is_out_of_reach(settings: Settings) -> None:
    nowhere = settings.model_copy(update={"engine_url": "http://127.0.0.1:9/v1"})
    async with open_app(nowhere) as app:
        with pytest.raises(OutOfReach):
            await app.client.complete(
                ASK, model="m", account=SOMEBODY, retry_policy=replace(INTERACTIVE, max_seconds=0.5)
            )


async def test_refused_parameters_are_left_out_from_then_on(app: App, script: Script) -> None:
    """Some servers name the parameter in its field, some in their words alone.

    Each is refused once a model.
    """
    script.refused = {
        "max_completion_tokens": "Unrecognized request argument: detail max_completion_tokens",
        "reasoning_effort": "Unsupported value: 'none' is not supported with this model.",
        "top_p": "{'detail': [{'loc': ['body', 'top_p'], 'msg': 'Extra inputs are not permitted'}]}",
    }

    answers = await asyncio.gather(*(ask(app) for _ in range(10)))

    assert sorted(each.attempts for each in answers)[-2:] == [1, 4]
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


async def test_reasoning_is_switched_off_where_the_model_lets_it(app: App, script: Script) -> None:
    await ask(app)
    assert script.asked[0]["reasoning_effort"] == "none"


async def test_the_pace_keeps_to_the_servers_limit(app: App, script: Script) -> None:
    """120 calls at 60 a second, 10 of them at once: (120 - 10) / 60 seconds at best."""
    script.limit = RateLimit(10, 60)
    started = time.monotonic()
    await asyncio.gather(
        *(app.client.complete(ASK, model="m", account=SOMEBODY, retry_policy=BACKGROUND) for _ in range(120))
    )
    assert time.monotonic() - started >= 110 / 60
    assert script.rate_limited <= 3


async def test_the_days_budget_covers_every_call(hosted: Settings, script: Script) -> None:
    """An answer costs about ten cents and could cost twenty: none goes out that might exceed the dollar."""
    settings = hosted.model_copy(update={"daily_budget": 1.0})
    ask_long = replace(ASK, sampling=ASK.sampling.model_copy(update={"max_tokens": 200}))
    async with open_app(settings) as app:
        questions = (app.client.complete(ask_long, model="dear", account=SOMEBODY) for _ in range(20))
        answers = await asyncio.gather(*questions, return_exceptions=True)
        refusals = [str(each) for each in answers if isinstance(each, OverBudget)]
        assert "DAILY_BUDGET" in refusals[0]
        left = await app.budget.remaining_today()
        async with app.db.read() as tx:
            day = time.strftime("%Y-%m-%d", time.gmtime())
            assert await spending.of_day(tx, day) == pytest.approx(1 - (left or 0))
    assert left is not None
    assert 0 <= left < 0.23
    assert len(script.asked) > 3

    async with open_app(settings) as again:  # a restart forgets nothing
        with pytest.raises(OverBudget):
            await again.client.complete(ask_long, model="dear", account=SOMEBODY)


@pytest.mark.parametrize("trouble", ["dropped midway", "no end", "out of time", "no connection", "refused"])
async def test_a_call_without_an_answer_is_booked_where_it_may_be_billed(
    hosted: Settings, script: Script, monkeypatch: pytest.MonkeyPatch, trouble: str
) -> None:
    monkeypatch.setattr("bot.llm.client._LONGEST_ANSWER", 0.3)
    match trouble:
        case "dropped midway":
            script.cut = 1
        case "no end":
            script.finish_reason = ""
        case "out of time":
            script.delay = 0.6
        case "no connection":
            hosted = hosted.model_copy(update={"openai_base_url": "http://127.0.0.1:9/v1"})
        case "refused":
            script.failures = [500]
    async with open_app(hosted) as app:
        with pytest.raises(OutOfReach):
            await app.client.complete(ASK, model="dear", account=SOMEBODY, retry_policy=NO_RETRY)
        async with app.db.read() as tx:
            spent = await spending.of_day(tx, time.strftime("%Y-%m-%d", time.gmtime()))
    most = sum(ASK.max_tokens) / 1000
    assert spent == (0 if trouble in {"no connection", "refused"} else pytest.approx(most))


async def test_a_budget_for_a_model_of_unknown_price_is_refused(hosted: Settings, script: Script) -> None:
    async with open_app(hosted.model_copy(update={"daily_budget": 5.0})) as app:
        with pytest.raises(OverBudget, match="price of strange is unknown"):
            await ask(app, "strange")
    async with open_app(hosted) as app:
        assert (await ask(app, "strange")).cost is None
    assert len(script.asked) == 1
