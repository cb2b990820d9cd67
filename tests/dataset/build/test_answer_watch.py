"""Builds whose answers are of no use end after a handful of them, and say what to do."""

from collections.abc import AsyncIterator, Callable
from itertools import count
from typing import Any

import pytest

from bot.app import App, Timing, open_app
from bot.dataset.build.builder import HOSTED_WORKERS
from bot.errors import Unavailable
from bot.jobs.queue import WorkerTiming
from bot.llm.batch_api import BatchLimits
from bot.settings import Settings
from bot.store.job_schema import BuildResult
from bot.store.jobs import Job
from tests.support.scripted_server import Script
from tests.support.workflows import run_job

HANDFUL = (5, 6)  # five, and perhaps the one that was just sent

Completion = dict[str, Any]


@pytest.fixture
async def app(hosted: Settings) -> AsyncIterator[App]:
    timing = Timing(worker=WorkerTiming(heartbeat=0.05), batches=BatchLimits(poll=0.05, start_pauses=(0, 0)))
    async with open_app(hosted, timing) as opened:
        yield opened


async def build(app: App, *, batch: bool = False, limit: int = 60) -> Job:
    return await run_job(app, app.planner.spec(repeats=1, limit=limit, batch=batch))


def with_message(completion: Completion, finish_reason: str | None = "length", **fields: Any) -> Completion:
    """Return a completion with another message, which used all of its tokens."""
    (choice,) = completion["choices"]
    changed = {**choice, "message": choice["message"] | fields, "finish_reason": finish_reason}
    return completion | {"choices": [changed], "usage": {"prompt_tokens": 50, "completion_tokens": 500}}


THINKING: list[Callable[[Completion], Completion]] = [
    lambda answer: with_message(answer, content=""),
    lambda answer: with_message(answer, content=None, reasoning_content="Let me think."),
    lambda answer: with_message(answer, content="<think>Let me think."),
    lambda answer: with_message(answer, content="<|channel|>analysis<|message|>We need"),
    lambda answer: with_message(answer, None, content=[{"type": "thinking", "thinking": "Hmm."}]),
]


@pytest.mark.parametrize("thinking", THINKING)
@pytest.mark.parametrize("batch", [False, True])
async def test_a_build_of_thinking_ends_and_says_what_it_would_cost(
    app: App, script: Script, thinking: Callable[[Completion], Completion], *, batch: bool
) -> None:
    script.reshape = thinking
    job = await build(app, batch=batch)
    assert (job.state, script.batches.created) == ("failed", [])
    assert len(script.asked) in HANDFUL
    assert "after 5 unusable answers" in str(job.error)
    assert "all 500 tokens (parts of words) of an answer for thinking" in str(job.error)
    price = 0.5 if batch else 1.0
    assert f"may cost up to ${60 * (50 + 2000) / 1000 * price:.2f}" in str(job.error)
    assert job.cost == pytest.approx(len(script.asked) * 0.55)


SHAPES: list[Callable[[Completion], object]] = [
    lambda _: {"choices": []},
    lambda _: {"error": {"message": "secret detail"}},
    lambda _: {"output": [{"content": "text"}]},
    lambda _: "text",
    lambda answer: with_message(answer, content=7),
    lambda answer: with_message(answer, "stop", content=""),
    lambda answer: with_message(answer, "stop", content="<think>All is thought.</think>"),
    lambda answer: with_message(answer, "content_filter", content=None),
]


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_build_of_useless_answers_ends_after_a_handful(
    hosted: Settings, script: Script, shape: Callable[[Completion], object]
) -> None:
    """Whatever their shape, and though fifty workers ask; each is booked at the most that it may cost."""
    script.reshape = shape
    async with open_app(hosted) as app:
        job = await build(app)
    assert job.state == "failed"
    assert len(script.asked) in HANDFUL
    assert "after 5 unusable answers" in str(job.error)
    assert "secret" not in str(job.error)
    assert 0 < job.cost <= 6 * 0.8


async def test_answers_that_turn_bad_midway_end_the_build(app: App, script: Script) -> None:
    """What is in flight then is still taken; the other slots are not asked for."""
    number = count()
    script.reshape = lambda completion: completion if next(number) < 20 else {"choices": []}
    job = await build(app, limit=90)
    assert job.state == "failed"
    assert "unusable answers" in str(job.error)
    assert 20 < len(script.asked) <= 20 + HOSTED_WORKERS + 6


async def test_single_useless_answers_do_not_end_a_build(app: App, script: Script) -> None:
    number = count(1)

    def every_third(completion: Completion) -> Completion:
        return completion if next(number) % 3 else with_message(completion, "stop", content="")

    script.reshape = every_third
    job = await build(app, limit=20)
    assert isinstance(job.result, BuildResult)
    assert job.result.rejected["too short"] >= 6


@pytest.mark.parametrize("free", ["engine", "unknown price"])
async def test_without_a_price_there_is_no_cost(
    settings: Settings, hosted: Settings, script: Script, free: str
) -> None:
    script.reshape = THINKING[0]
    priced = hosted.model_copy(update={"author_model": "strange"})
    async with open_app(settings if free == "engine" else priced) as app:
        job = await build(app, limit=16)
    assert "raise max_tokens in heroes.toml." in str(job.error)
    assert "cost" not in str(job.error)


async def test_no_thinking_comes_into_a_dataset(app: App, script: Script) -> None:
    def think_first(completion: Completion) -> Completion:
        text = completion["choices"][0]["message"]["content"]
        thoughts = [
            "<think>SECRET</think>\n\n{}",
            "SECRET</think>{}",
            "<THINK></THINK>{}",
            "[THINK]SECRET[/THINK]{}",
        ]
        return with_message(completion, "stop", content=thoughts[len(script.asked) % 4].format(text))

    script.reshape = think_first
    for batch in (False, True):
        job = await build(app, batch=batch, limit=20 if batch else 16)
        assert isinstance(job.result, BuildResult)
        assert job.result.rejected == {}
        files = [(app.settings.data_dir / name).read_bytes() for name in job.result.files]
        assert not any(b"SECRET" in content or b"think" in content.lower() for content in files)


async def test_hero_tells_of_an_answer_that_was_all_thinking(app: App, script: Script) -> None:
    script.reshape = lambda answer: with_message(answer, content="<think>Hm")
    script.stream.pieces = [
        b'data: {"choices": [{"delta": {"content": "<think>Hm"}, "finish_reason": "length"}]}\n\n'
    ]
    hero = next(app.heroes.vocabulary.grid.heroes())
    with pytest.raises(Unavailable, match="spent its answer on thinking"):
        await app.describer.describe(hero, requester=1)
