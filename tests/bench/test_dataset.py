"""What the bench of datasets measures becomes the right ratios; its server keeps the limit that it tells."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient, TestServer

from bench.common.installation import installation, questions, wanted, whole_job, write
from bench.common.rated_server import Limit, RatedServer
from bench.common.rated_texts import asked_for, describe
from bench.common.stopwatch import spent
from bench.dataset.figures import Cost, Figures, Limited, Memory, Rated, Speed
from bench.dataset.memory import fill, peak_mib
from bench.dataset.peers import all_tasks, semaphore
from bot.dataset.versions.near_duplicates import NearDuplicates
from bot.heroes.hero import Hero
from bot.store.job_schema import BuildResult
from tests.heroes.test_hero import FILE

ROOT = Path(__file__).resolve().parents[2]
WATCHED = (
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
        rated=Rated(
            calls=600,
            ours=[Limited(19.0, 0, 0), Limited(20.9, 2, 0)],
            semaphore=[Limited(38.0, 90, 7), Limited(38.0, 80, 5)],
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


def asks(power: str = "flight") -> dict[str, object]:
    prompt = FILE.prompts.generation(Hero(40, "woman", power))
    return {"model": "m", "messages": [{"role": "user", "content": prompt}]}


class Clock:
    """A clock that a test sets."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_the_articles_loop_is_counted_up_to_all_calls() -> None:
    summary = figures().summary()
    assert summary["article_seconds"] == 60
    assert summary["speedup_over_article"] == pytest.approx(60 / 3)
    assert summary["speedup_of_whole_job"] == pytest.approx(60 / 5)
    assert summary["writing_over_semaphore"] == pytest.approx(2.0)  # of 2, 1.5 and 3: each round by itself


def test_what_the_limit_allows_begins_with_all_of_it() -> None:
    summary = figures().summary()
    assert summary["ideal_seconds"] == (600 - 30) / 30
    assert summary["over_ideal"] == pytest.approx(1.05)
    assert (summary["rate_limited"], summary["semaphore_lost"]) == (2, 6)


def test_the_memory_is_named_by_what_was_built() -> None:
    assert set(WATCHED) <= figures().summary().keys()
    quick = figures(30_000).summary()
    assert "mib_at_300k" not in quick
    assert quick["mib_at_30k"] == 200
    assert json.loads(json.dumps(quick)) == quick


def test_the_table_shows_every_comparison() -> None:
    cells = [cell for column in figures().table("a machine").columns for cell in column.cells]
    assert "article's loop: 60.0 s, counted up from 147 calls" in cells
    assert "20.0 x" in cells
    assert "3.00" in cells  # processor time over the SDK on aiohttp


def test_a_limit_grows_back_steadily_and_never_beyond_itself() -> None:
    clock = Clock()
    limit = Limit(2, per_second=4, clock=clock)
    assert [limit.take() for _ in range(3)] == [True, True, False]
    clock.now = 0.25
    assert [limit.take() for _ in range(2)] == [True, False]
    clock.now = 100
    assert [limit.take() for _ in range(3)] == [True, True, False]


def test_a_limit_tells_the_truth() -> None:
    clock = Clock()
    limit = Limit(4, per_second=2, clock=clock)
    limit.take()
    limit.take()
    assert limit.headers() == {
        "x-ratelimit-limit-requests": "4",
        "x-ratelimit-remaining-requests": "2",
        "x-ratelimit-reset-requests": "1.000s",
    }
    assert [limit.take() for _ in range(3)] == [True, True, False]
    assert limit.retry_after() == {"Retry-After": "1"}


async def test_the_server_refuses_what_is_beyond_its_limit_and_counts_it() -> None:
    async with TestClient(TestServer(RatedServer(0, Limit(3, per_second=0.01)).app())) as client:
        told = [await client.post("/v1/chat/completions", json=asks()) for _ in range(5)]
        counts = await (await client.get("/counts")).json()
    assert [each.status for each in told] == [200, 200, 200, 429, 429]
    assert [each.headers["x-ratelimit-remaining-requests"] for each in told] == ["2", "1", "0", "0", "0"]
    assert int(told[-1].headers["Retry-After"]) == pytest.approx(100, abs=2)
    assert (counts["requests"], counts["rate_limited"]) == (5, 2)
    assert counts["busy_seconds"] > 0


async def test_the_server_answers_no_other_question() -> None:
    async with TestClient(TestServer(RatedServer(0).app())) as client:
        body = {"model": "m", "messages": [{"role": "user", "content": "Hello?"}]}
        assert (await client.post("/v1/chat/completions", json=body)).status == 400


def test_every_answer_passes_curation() -> None:
    heroes = [hero for repeat in range(5) for hero in FILE.vocabulary.grid.heroes(repeat)]
    faults: Counter[str | None] = Counter()
    for variant, hero in enumerate(heroes):
        asked = asked_for(FILE.prompts.generation(hero))
        assert asked == hero
        text = FILE.curation.trim(describe(asked, variant))
        faults[FILE.curation.rejection_reason(hero, text)] += 1
    assert faults == {None: len(heroes)}


def test_as_many_answers_as_a_large_build_gives_one_hero_are_unlike() -> None:
    known = NearDuplicates()
    texts = [describe(Hero(40, "woman", "flight"), variant) for variant in range(800)]
    assert [known.repeats("her", text) for text in texts] == [None] * 800


async def test_ours_and_the_peers_ask_the_same(tmp_path: Path) -> None:
    async with TestServer(RatedServer(0).app()) as server:
        url = str(server.make_url("/v1"))
        async with installation(url, tmp_path / "ours") as app:
            asked = questions(app, 20)
            built, took = await write(app, 20)
        peer = await semaphore(url, asked)
    assert (built.asked, built.calls, len(peer.texts), peer.lost) == (20, 20, 20, 0)
    assert took.seconds > 0
    assert len(set(asked)) == 20


async def test_filling_leaves_every_hundredth_to_the_job(tmp_path: Path) -> None:
    async with TestServer(RatedServer(0).app()) as server:
        url = str(server.make_url("/v1"))
        filled = await fill(url, tmp_path, 200)
        async with installation(url, tmp_path) as app:
            job, _ = await whole_job(app, 200)
    assert filled["kept"] == 198
    assert isinstance(job.result, BuildResult)
    assert (job.result.asked, job.result.cached, job.result.dropped) == (2, 198, {})


async def test_a_build_takes_as_many_repeats_as_it_needs(tmp_path: Path) -> None:
    async with installation("http://127.0.0.1:9/v1", tmp_path) as app:
        spec = wanted(app, 300_000)
        assert (spec.repeats, spec.limit, spec.batch) == (3062, 300_000, False)
        assert app.planner.size(spec) == 300_000


async def test_the_tasks_of_the_peer_all_wait_and_end() -> None:
    await all_tasks(["a question"] * 100)


def test_time_is_told_when_the_block_has_ended() -> None:
    with spent() as took:
        sum(range(200_000))
    assert took.busy_seconds > 0
    assert took.seconds > 0
    assert peak_mib() > 10


def test_help_needs_nothing_heavy() -> None:
    program = """
import sys
from bench.dataset import __main__ as dataset
sys.argv[1:] = ["--help"]
try:
    dataset.main()
except SystemExit:
    assert not {"torch", "pandas", "matplotlib", "pyarrow", "rensa"} & set(sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "--quick" in done.stdout
