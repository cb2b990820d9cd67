"""bench.store: the population is as large as it says, and no query reads all of it."""

import json
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bench.common.errors import BenchError
from bench.store.figures import BARE, Figures, QueryTimes
from bench.store.fill import fill
from bench.store.measure import Plan, check, fill_all, measure
from bench.store.population import Population
from bot.heroes.config import read_heroes
from bot.settings import Settings

PLAN = Plan(2_000, 2)


async def test_every_query_finds_its_rows_by_an_index(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path}/hero.db"
    population = await fill_all([url], PLAN)
    with closing(sqlite3.connect(tmp_path / "hero.db")) as connection:
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        for table, count in (("description", 2_000), ("vote", 20_000), ("reaction", 20_000)):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (count,)  # noqa: S608
        kinds = {row[0] for row in connection.execute("SELECT DISTINCT kind FROM description")}
        assert kinds == {"hero", "take", "scene", "team"}
        shares = "SELECT avg(removed_at IS NOT NULL), avg(guild_id IS NULL) FROM description"
        assert all(0.01 < share < 0.1 for share in connection.execute(shares).fetchone())
    figures = await measure([url], population, PLAN, tmp_path)
    check(figures)
    found = figures.summary()
    assert json.loads(json.dumps(found)) == found
    assert found["hot_rows"] == 2_000
    assert figures.table("a machine").row_count == len(figures.times["sqlite"])
    with pytest.raises(BenchError, match="has descriptions already"):
        await fill(url, population)


def test_a_population_is_the_same_whenever_it_is_made() -> None:
    heroes = read_heroes(Settings().heroes_file)
    one, other = (Population(heroes, 5_000, 1e9) for _ in range(2))
    assert list(one.description_rows()) == list(other.description_rows())
    votes = list(one.vote_rows())
    assert votes == list(other.vote_rows())
    assert len(votes) == 50_000
    assert votes == sorted(votes, key=lambda row: (row[0], row[1]))
    most = sorted(Counter(row[0] for row in votes).values())[-500:]
    assert sum(most) > 0.3 * 50_000  # a tenth has a third of the votes


def test_the_worst_of_all_databases_counts_and_the_bare_drivers_do_not() -> None:
    def times(vote: float, mine: float, bare: float) -> dict[str, QueryTimes]:
        each = {"vote": (True, vote), "mine": (False, mine), BARE: (False, bare)}
        return {name: QueryTimes(hot, 1.0, [seconds]) for name, (hot, seconds) in each.items()}

    figures = Figures(1_000, {"sqlite": times(0.002, 0.03, 0.001), "postgresql": times(0.004, 0.01, 9.0)})
    summary = figures.summary()
    assert (summary["hot_rows"], summary["p99_ms_hot"], summary["p99_ms_lists"]) == (1_000, 4.0, 30.0)
    assert figures.summary()["queries"]["sqlite"]["vote"]["over_bare"] == 2.0  # type: ignore[index]
    figures.times["sqlite"]["mine"].scans = ["vote"]
    with pytest.raises(BenchError, match="mine reads all of vote on sqlite"):
        check(figures)
