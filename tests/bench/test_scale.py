"""bench.scale: what its figures are made of, and the parts that need no PostgreSQL server of their own."""

import json
from pathlib import Path

import pytest

from bench.common.errors import BenchError
from bench.interactions.discord_server import discord_server
from bench.interactions.model_server import model_server
from bench.interactions.payloads import Guilds
from bench.interactions.running_bot import bot_process, default_environment
from bench.scale.databases import new_databases, server_cpu_seconds, server_process
from bench.scale.figures import Figures, GuildCosts, Run
from bench.scale.measure import FULL, QUICK
from bench.scale.takeover import measure as measure_takeovers
from bench.store.figures import BARE, QueryTimes
from bench.store.figures import Figures as StoreFigures
from bot.errors import StoreError
from scripts.postgres import PrivateServer
from tests.support.private_postgres import server

__all__ = ["server"]

HERO = "40 woman healing"


def figures() -> Figures:
    runs = [
        Run(1, [90.0, 110.0, 100.0], [10.0], [3.0], [4.0]),
        Run(2, [150.0], [11.0], [3.1], [4.1]),
        Run(4, [160.0], [12.0], [3.2], [4.2]),
    ]
    guilds = GuildCosts(500, [100.0, 102.0, 101.0], [110.0, 111.0, 112.0], [50.0])

    def times(vote: float) -> dict[str, QueryTimes]:
        each = {"vote": (True, vote), "mine": (False, 0.02), BARE: (False, 0.001)}
        return {name: QueryTimes(hot, seconds=[seconds]) for name, (hot, seconds) in each.items()}

    queries = StoreFigures(1_000, {"sqlite": times(0.004), "postgresql": times(0.006)})
    return Figures(runs, [14.0, 16.0, 15.0], guilds, queries)


def test_the_summary_has_medians_and_the_worst_of_both_databases() -> None:
    found = figures().summary()
    assert json.loads(json.dumps(found)) == found
    assert found["interactions_per_s"] == {"1": 100.0, "2": 150.0, "4": 160.0}
    assert (found["takeover_s"], found["takeover_worst_s"]) == (15.0, 16.0)
    assert found["mib_per_1000_guilds"] == 20.0  # ten MiB for 500
    assert (found["hot_rows"], found["p99_ms_hot"]) == (1_000, 6.0)


def test_the_table_has_a_row_for_each_figure() -> None:
    table = figures().table("a machine")
    assert table.row_count == len(("1", "2", "4")) + len(("takeover", "memory", "message")) + 2
    ratios = list(table.columns[3].cells)
    assert ratios[:3] == ["1.00", "1.50", "1.60"]


def test_quick_has_databases_of_the_same_size() -> None:
    assert QUICK.store.descriptions == FULL.store.descriptions == 1_000_000
    assert QUICK.with_descriptions(50).store.descriptions == 50


@pytest.mark.parametrize(
    ("url", "kind", "sentence"),
    [
        ("sqlite+aiosqlite:///x.db", BenchError, "--postgres takes the address"),
        ("mysql://you:secret@host/x", StoreError, "SQLite and PostgreSQL alone"),
        ("no address", BenchError, "--postgres takes the address"),
        (
            "postgresql+asyncpg://you:secret@127.0.0.1:1/x",
            BenchError,
            r"you:\*\*\*@127.0.0.1:1/x does not let",
        ),
    ],
)
async def test_a_wrong_address_is_refused_by_a_sentence(
    url: str, kind: type[Exception], sentence: str
) -> None:
    with pytest.raises(kind, match=sentence) as refused:
        async with new_databases(url, ["one"]):
            pass
    assert "secret" not in str(refused.value)


async def test_databases_are_made_and_dropped(server: PrivateServer) -> None:
    async with new_databases(server.url, ["one", "two"]) as urls:
        assert list(urls) == ["one", "two"]
        process = await server_process(urls["one"])
        assert process
        assert server_cpu_seconds(process) > 0
    with pytest.raises(Exception, match="does not exist"):
        await server_process(urls["one"])


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_killed_workers_build_is_taken_over(server: PrivateServer, tmp_path: Path) -> None:
    async with new_databases(server.url, ["workers"]) as urls:
        (seconds,) = await measure_takeovers(urls["workers"], 1, tmp_path)
    assert 10 < seconds < 20


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_bot_has_all_servers_and_reads_messages_that_are_not_for_it(tmp_path: Path) -> None:
    async with (
        model_server() as model,
        discord_server(Guilds(3, channels=2, roles=2)) as discord,
        bot_process("herosmith", discord.url, model, tmp_path),
    ):
        await discord.send_messages(6)
        await discord.send_hero_command(HERO)
        assert discord.calls["callback"] == 1  # the messages were answered by nothing
        assert discord.calls["reaction"] == 2


def test_bots_are_measured_with_default_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "paid")
    monkeypatch.setenv("SHARD_COUNT", "3")
    monkeypatch.setenv("PATH", "/bin")
    kept = default_environment()
    assert not kept.keys() & {"OPENAI_API_KEY", "SHARD_COUNT"}
    assert kept["PATH"] == "/bin"
