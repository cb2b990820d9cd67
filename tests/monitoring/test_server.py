"""Metrics and health of the bot and the worker, over HTTP."""

import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from bot.app import App, Timing, open_app
from bot.client import HeroBot
from bot.errors import OperatorError
from bot.llm.stream import Stream
from bot.monitoring.collectors import InstallationCollector
from bot.monitoring.interactions import OUTCOMES
from bot.monitoring.server import open_monitoring
from bot.settings import Settings
from bot.store import statistics
from bot.store.database import Transaction
from tests.conftest import Stage
from tests.support.eventually import eventually
from tests.support.locked_database import TIMING, held
from tests.support.scripted_server import Script
from tests.support.workflows import build_spec


@pytest.fixture
def timing() -> Timing:
    return TIMING


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest.fixture
async def address(app: App, stage: Stage) -> AsyncIterator[str]:
    """Return the address of the metrics of the bot on the stage."""
    bot = stage.env.bot
    assert isinstance(bot, HeroBot)
    async with open_monitoring(app, bot, port=0) as address:
        assert address
        yield address


async def scrape(http: aiohttp.ClientSession, address: str) -> dict[str, float]:
    """Return the values at /metrics by name and labels, as `name{label=value}`."""
    async with http.get(f"{address}/metrics") as response:
        assert response.status == 200
        families = text_string_to_metric_families(await response.text())
    found = {}
    for family in families:
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[sample.name + (f"{{{labels}}}" if labels else "")] = sample.value
    return found


async def get(http: aiohttp.ClientSession, url: str) -> tuple[int, Any]:
    async with http.get(url) as response:
        return response.status, await response.json()


async def test_interactions_and_calls_are_counted(
    stage: Stage, script: Script, http: aiohttp.ClientSession, address: str
) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    await stage.ana.slash(stage.channel, "hero", hero="no hero at all")
    stage.refusal()
    script.failures = [402]
    await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    stage.refusal()
    assert stage.env.bot.user
    await stage.ana.send(stage.channel, f"{stage.env.bot.user.mention} 40 woman healing")

    found = await scrape(http, address)

    for outcome in ("answered", "refused", "unavailable"):
        assert found[f"herosmith_interactions_total{{command=/hero,outcome={outcome}}}"] == 1
    assert found["herosmith_interactions_total{command=mention,outcome=answered}"] == 1
    assert found["herosmith_interaction_answer_seconds_count{command=/hero}"] == 3
    (model,) = {
        name.partition("model=")[2].partition(",")[0] for name in found if "model_calls_total" in name
    }
    assert found[f"herosmith_model_calls_total{{model={model},outcome=answered}}"] == 2
    assert found[f"herosmith_model_calls_total{{model={model},outcome=unavailable}}"] == 1
    assert found[f"herosmith_model_prompt_tokens_total{{model={model}}}"] == 40
    assert found["herosmith_descriptions"] == 2
    assert found["herosmith_gateway_connected"] == 1
    assert found["herosmith_guilds"] == 1
    assert found["herosmith_generations_running"] == found["herosmith_generations_waiting"] == 0
    assert found["herosmith_database_readable"] == 1
    assert found["herosmith_database_wait_seconds_count{access=write}"] > 0


async def test_buttons_and_forms_are_counted_by_their_classes(
    stage: Stage, http: aiohttp.ClientSession, address: str
) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    await stage.ben.click(stage.channel.history()[-1], label="Again")
    found = await scrape(http, address)
    assert found["herosmith_interactions_total{command=AgainButton,outcome=answered}"] == 1


async def test_counts_begin_at_zero_so_that_the_first_failure_is_an_increase(
    stage: Stage, script: Script, http: aiohttp.ClientSession, address: str
) -> None:
    found = await scrape(http, address)
    for name in ("/hero", "/models list", "AgainButton", "mention"):
        for outcome in OUTCOMES:
            assert found[f"herosmith_interactions_total{{command={name},outcome={outcome}}}"] == 0
    script.failures = [402]
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")
    stage.refusal()
    found = await scrape(http, address)
    calls = {
        name.partition("outcome=")[2]: value for name, value in found.items() if "model_calls_total" in name
    }
    assert calls.pop("unavailable}") == 1
    assert calls == {"answered}": 0, "stopped}": 0, "over_budget}": 0, "failed}": 0}


async def test_tables_are_counted_once_a_minute(app: App) -> None:
    collector = InstallationCollector(app, interval=3600.0)

    async def shown() -> tuple[float, float]:
        found = {metric.name: metric for metric in await collector.collect()}
        return (
            found["herosmith_descriptions"].samples[0].value,
            found["herosmith_jobs"].samples[0].value if found["herosmith_jobs"].samples else 0,
        )

    assert await shown() == (0, 0)
    await app.describer.describe(app.hero_parser.parse("40 woman healing"), requester=1)
    await app.jobs.submit(build_spec(app))
    assert await shown() == (0, 1)
    await collector.aclose()


async def test_tables_that_take_long_to_count_make_no_database_unreadable(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As those of ten million votes: the other metrics come meanwhile, and the counts once they are there."""
    counted = asyncio.Event()
    count = statistics.get_table_counts

    async def slow(tx: Transaction) -> statistics.TableCounts:
        await counted.wait()
        return await count(tx)

    monkeypatch.setattr(statistics, "get_table_counts", slow)
    collector = InstallationCollector(app, patience=0.01)
    found = {metric.name: metric for metric in await collector.collect()}
    assert found["herosmith_database_readable"].samples[0].value == 1
    assert "herosmith_votes" not in found
    counted.set()

    async def are_told() -> bool:
        return "herosmith_votes" in {metric.name for metric in await collector.collect()}

    await eventually(are_told, what="the counts are told")
    await collector.aclose()


async def test_jobs_are_counted_by_state_and_age(
    stage: Stage, http: aiohttp.ClientSession, address: str
) -> None:
    await stage.build(limit=16)
    found = await scrape(http, address)
    assert found["herosmith_jobs{kind=build,state=queued}"] == 1
    assert 0 <= found["herosmith_job_age_seconds{kind=build,state=queued}"] < 3600
    assert not [name for name in found if name.startswith("herosmith_job_heartbeat")]


async def test_dollars_and_the_budget(hosted: Settings, http: aiohttp.ClientSession) -> None:
    settings = hosted.model_copy(update={"daily_budget": 500.0})
    async with open_app(settings) as app:
        hero = app.hero_parser.parse("40 woman healing")
        await app.describer.describe(hero, requester=1, guild_id=None, stream=Stream())
        found = await scrape_bot(app, http)
    spent = found["herosmith_spent_today_dollars{purpose=hero}"]
    assert spent > 0
    assert found["herosmith_daily_budget_dollars"] == 500
    assert found["herosmith_daily_budget_remaining_dollars"] == pytest.approx(500 - spent)


async def scrape_bot(app: App, http: aiohttp.ClientSession) -> dict[str, float]:
    """Return the metrics of a bot that is not connected."""
    async with HeroBot(app) as bot, open_monitoring(app, bot, port=0) as address:
        assert address
        return await scrape(http, address)


async def test_health_says_what_is_missing(
    app: App, script: Script, http: aiohttp.ClientSession, address: str
) -> None:
    assert await get(http, f"{address}/livez") == (200, {"status": "ok"})
    checks = {"gateway": True, "database": True, "model_server": True}
    assert await get(http, f"{address}/readyz") == (200, {"status": "ready", "checks": checks})

    script.faults["GET /v1/models"] = [503, "drop", "drop"]  # aiohttp asks once more
    missing = {"status": "not ready", "checks": checks | {"model_server": False}}
    for _ in range(2):
        assert await get(http, f"{address}/readyz") == (503, missing)
    assert (await get(http, f"{address}/livez"))[0] == 200

    async with held(app.settings):
        status, body = await get(http, f"{address}/readyz")
    assert (status, body["checks"]) == (503, checks | {"database": False})


async def test_a_bot_without_a_connection_lives_but_is_not_ready(
    app: App, http: aiohttp.ClientSession
) -> None:
    async with HeroBot(app) as bot, open_monitoring(app, bot, port=0) as address:
        assert (await get(http, f"{address}/livez"))[0] == 200
        status, body = await get(http, f"{address}/readyz")
        assert (status, body["checks"]["gateway"]) == (503, False)
        await bot.on_shard_connect(0)
        assert (await get(http, f"{address}/readyz"))[0] == 200
        await bot.on_shard_disconnect(0)
        assert not (await get(http, f"{address}/readyz"))[1]["checks"]["gateway"]
        await bot.on_shard_resumed(0)
        assert (await get(http, f"{address}/readyz"))[0] == 200


async def test_a_worker_is_ready_without_discord_and_tells_only_its_own(
    app: App, http: aiohttp.ClientSession
) -> None:
    async with open_monitoring(app, port=0) as address:
        assert (await get(http, f"{address}/readyz"))[0] == 200
        found = await scrape(http, address or "")
    assert "herosmith_database_wait_seconds_count{access=read}" in found
    assert not [name for name in found if "gateway" in name or "jobs" in name]


async def test_nothing_is_served_without_a_port(app: App) -> None:
    async with open_monitoring(app) as address:
        assert address is None


async def test_a_port_that_is_taken_is_named(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        async with open_app(settings.model_copy(update={"metrics_port": port})) as app:
            with pytest.raises(OperatorError, match=f"METRICS_PORT: 127.0.0.1, port {port}, cannot be"):
                async with open_monitoring(app):
                    pass


@pytest.mark.parametrize("host", ["not a host!", "x" * 300 + ".de", "192.0.2.1"])
async def test_an_address_that_is_not_of_this_machine_is_named(settings: Settings, host: str) -> None:
    async with open_app(settings.model_copy(update={"metrics_port": 1, "metrics_host": host})) as app:
        with pytest.raises(OperatorError, match=f"METRICS_HOST: {host} is no address of this machine"):
            async with open_monitoring(app, port=0):
                pass
