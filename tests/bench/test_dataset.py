"""bench.dataset: the ratios of its figures, its server's rate limit, and its baselines."""

import json
from collections import Counter
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bench.common.canned_answers import canned_answer, parse_prompt
from bench.common.rate_limited_server import RateLimit, RateLimitedServer
from bench.common.stopwatch import stopwatch
from bench.dataset.baselines import semaphore_client, wait_as_tasks
from bench.dataset.figures import Cost, Figures, Memory, RateLimited, RateLimitedRun, Speed
from bench.dataset.installation import (
    build_questions,
    build_spec,
    installation,
    run_build_job,
    write_examples,
)
from bench.dataset.memory import fill, peak_mib
from bot.dataset.versions.near_duplicates import DuplicateDetector
from bot.heroes.hero import Hero
from bot.store.job_schema import BuildResult
from tests.heroes.test_hero import FILE

ROOT = Path(__file__).resolve().parents[2]
MAIN_KEYS = (
    "speedup_over_article",
    "over_ideal",
    "rate_limited",
    "mib_at_300k",
    "cpu_ms_per_call",
    "bare_cpu_ms_per_call",
)


def figures(examples: int = 300_000) -> Figures:
    return Figures(
        speed=Speed(
            calls=294,
            latency_ms=200,
            article_calls=147,
            article=30.0,
            semaphore=[1.0, 2.0, 2.0],
            writing=[2.0, 3.0, 6.0],
            job=[4.0, 5.0, 6.0],
        ),
        rate_limited=RateLimited(
            calls=600,
            ours=[RateLimitedRun(19.0, 0, 0), RateLimitedRun(20.9, 2, 0)],
            semaphore=[RateLimitedRun(38.0, 90, 7), RateLimitedRun(38.0, 80, 5)],
        ),
        memory=Memory(
            examples=examples,
            asked=3000,
            mib=200.0,
            opened_mib=100.0,
            seconds=9.0,
            busy_seconds=8.0,
            tasks_mib=400.0,
            tasks_opened_mib=100.0,
        ),
        cost=Cost(calls=500, ours=[6.0, 5.0, 9.0], bare=[3.0, 2.0, 4.0], bare_aiohttp=[2.0, 2.0, 2.0]),
    )


def chat_request(power: str = "flight") -> dict[str, object]:
    prompt = FILE.prompts.generation_prompt(Hero(40, "woman", power))
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


class Clock:
    """A clock that the test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_articles_loop_is_extrapolated_to_all_calls() -> None:
    summary = figures().summary()
    assert summary["article_seconds"] == 60
    assert summary["speedup_over_article"] == pytest.approx(60 / 3)
    assert summary["speedup_of_whole_job"] == pytest.approx(60 / 5)
    assert summary["writing_over_semaphore"] == pytest.approx(2.0)  # the median of 2, 1.5 and 3


def test_the_ideal_time_starts_with_a_full_bucket() -> None:
    summary = figures().summary()
    assert summary["ideal_seconds"] == (600 - 30) / 30
    assert summary["over_ideal"] == pytest.approx(1.05)
    assert (summary["rate_limited"], summary["semaphore_lost"]) == (2, 6)


def test_the_memory_key_names_the_number_of_examples() -> None:
    assert set(MAIN_KEYS) <= figures().summary().keys()
    quick = figures(30_000).summary()
    assert "mib_at_300k" not in quick
    assert quick["mib_at_30k"] == 200
    assert json.loads(json.dumps(quick)) == quick


def test_the_table_shows_each_comparison() -> None:
    cells = [cell for column in figures().table("a machine").columns for cell in column.cells]
    assert "article's loop: 60.0 s, counted up from 147 calls" in cells
    assert "20.0 x" in cells
    assert "3.00" in cells  # processor time over the SDK on aiohttp


def test_a_rate_limit_refills_steadily_up_to_its_burst() -> None:
    clock = Clock()
    limit = RateLimit(2, per_second=4, clock=clock)
    assert [limit.try_acquire() for _ in range(3)] == [True, True, False]
    clock.now = 0.25
    assert [limit.try_acquire() for _ in range(2)] == [True, False]
    clock.now = 100
    assert [limit.try_acquire() for _ in range(3)] == [True, True, False]


def test_rate_limit_headers_say_what_is_left() -> None:
    clock = Clock()
    limit = RateLimit(4, per_second=2, clock=clock)
    limit.try_acquire()
    limit.try_acquire()
    assert limit.headers() == {
        "x-ratelimit-limit-requests": "4",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "1.000s",
    }
    assert [limit.try_acquire() for _ in range(3)] == [True, True, False]
    assert limit.retry_after_header() == {"Retry-After": "1"}


async def test_the_server_refuses_and_counts_calls_beyond_its_limit() -> None:
    async with TestClient(TestServer(RateLimitedServer(0, RateLimit(3, per_second=0.01)).app())) as client:
        responses = [await client.post("/v1/chat/completions", json=chat_request()) for _ in range(5)]
        counts = await (await client.get("/counts")).json()
    assert [each.status for each in responses] == [200, 200, 200, 429, 429]
    assert [each.headers["x-ratelimit-remaining-requests"] for each in responses] == ["2", "1", "0", "0", "0"]
    assert int(responses[-1].headers["Retry-After"]) == pytest.approx(100, abs=2)
    assert (counts["requests"], counts["rate_limited"]) == (5, 2)
    assert counts["busy_seconds"] > 0


async def test_the_server_answers_no_other_prompt() -> None:
    async with TestClient(TestServer(RateLimitedServer(0).app())) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
        assert (await client.post("/v1/chat/completions", json=body)).status == 400


def test_canned_answers_pass_curation() -> None:
    heroes = [hero for repeat in range(5) for hero in FILE.vocabulary.grid.heroes(repeat)]
    reasons: Counter[str | None] = Counter()
    for variant, hero in enumerate(heroes):
        parsed = parse_prompt(FILE.prompts.generation_prompt(hero))
        assert parsed is not None
        assert FILE.vocabulary.parse(parsed.typed) == hero
        text = FILE.curation.trim(canned_answer(parsed, variant))
        reasons[FILE.curation.rejection_reason(hero, text)] += 1
    assert reasons == {None: len(heroes)}


def test_canned_answers_for_one_hero_are_no_near_duplicates() -> None:
    known = DuplicateDetector()
    texts = [canned_answer(Hero(40, "woman", "flight"), variant) for variant in range(800)]
    assert [known.duplicate_reason("her", text) for text in texts] == [None] * 800


async def test_the_bot_and_the_baselines_ask_the_same(tmp_path: Path) -> None:
    async with TestServer(RateLimitedServer(0).app()) as server:
        url = str(server.make_url("/v1"))
        async with installation(url, tmp_path / "ours") as app:
            questions = build_questions(app, 20)
            built, elapsed = await write_examples(app, 20)
        baseline = await semaphore_client(url, questions)
    assert (built.asked, built.calls, len(baseline.texts), baseline.lost) == (20, 20, 20, 0)
    assert elapsed.seconds > 0
    assert len(set(questions)) == 20


async def test_fill_leaves_every_hundredth_answer_to_the_job(tmp_path: Path) -> None:
    async with TestServer(RateLimitedServer(0).app()) as server:
        url = str(server.make_url("/v1"))
        filled = await fill(url, tmp_path, 200)
        async with installation(url, tmp_path) as app:
            job, _ = await run_build_job(app, 200)
    assert filled["kept"] == 198
    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.cached, job.result.dropped) == (2, 198, {})


async def test_a_build_has_as_many_repeats_as_it_needs(tmp_path: Path) -> None:
    async with installation("http://127.0.0.1:9/v1", tmp_path) as app:
        spec = build_spec(app, 300_000)
        assert (spec.repeats, spec.limit, spec.batch) == (3062, 300_000, False)
        assert app.planner.size(spec) == 300_000


async def test_the_waiting_tasks_all_end() -> None:
    await wait_as_tasks(["a question"] * 100)


def test_the_stopwatch_is_read_after_the_block() -> None:
    with stopwatch() as elapsed:
        sum(range(200_000))
    assert elapsed.cpu_seconds > 0
    assert elapsed.seconds > 0
    assert peak_mib() > 10
