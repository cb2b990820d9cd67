"""The metrics for Prometheus."""

import aiohttp
from openai import AsyncOpenAI

from tests.support.engine_chats import PROMPT_TOKENS, ask
from tests.support.engine_process import EngineProcess
from tests.support.tiny_engine import TINY


async def test_chats_are_counted_and_timed(engine: EngineProcess, client: AsyncOpenAI) -> None:
    before = await engine.metrics()
    await ask(client, n=2, max_tokens=5, temperature=0)  # drawn by chance it may end earlier
    async for _ in await ask(client, stream=True, max_tokens=5, temperature=0):
        pass
    after = await engine.metrics()
    model = f"{{model={TINY}}}"

    def increase(name: str) -> float:
        return after[name] - before.get(name, 0.0)

    assert increase(f"engine_chat_prompt_tokens_total{model}") == 2 * PROMPT_TOKENS
    assert increase(f"engine_chat_completion_tokens_total{model}") == 15
    assert increase(f"engine_chat_seconds_count{model}") == 2
    assert increase(f"engine_chat_first_token_seconds_count{model}") == 2
    first, total = (increase(f"engine_chat_{what}_sum{model}") for what in ("first_token_seconds", "seconds"))
    assert 0 < first < total
    route = "engine_http_requests_total{method=POST,route=/v1/chat/completions,status=200}"
    assert increase(route) == 2


async def test_labels_stay_few(engine: EngineProcess) -> None:
    async with aiohttp.ClientSession() as http:
        for method, path in (("GET", "/somewhere"), ("GET", "/files/file-nobody"), ("PURGE", "/files")):
            async with http.request(method, engine.url + path):
                pass
    metrics = await engine.metrics()
    routes = {name for name in metrics if name.startswith("engine_http_requests_total")}
    assert "engine_http_requests_total{method=GET,route=none,status=404}" in routes
    # no failure yet, of which Prometheus then sees the first
    assert metrics["engine_http_requests_total{method=GET,route=/v1/files/{id},status=500}"] == 0
    assert "engine_http_requests_total{method=GET,route=/v1/files/{id},status=404}" in routes
    assert "engine_http_requests_total{method=other,route=none,status=405}" in routes
    assert not any("somewhere" in name or "nobody" in name for name in routes)


async def test_the_state_of_the_engine(engine: EngineProcess, client: AsyncOpenAI) -> None:
    metrics = await engine.metrics()
    assert metrics["engine_resident_models"] >= 1
    assert metrics["process_resident_memory_bytes"] > 1 << 20
    jobs = [job.status async for job in client.fine_tuning.jobs.list()]
    for status in ("validating_files", "queued", "running", "succeeded", "failed", "cancelled"):
        assert metrics[f"engine_fine_tuning_jobs{{status={status}}}"] == jobs.count(status)
