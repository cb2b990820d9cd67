"""Measure one part after the other, each in databases of its own on one PostgreSQL server."""

from dataclasses import dataclass, replace
from pathlib import Path

from bench.common.report import log_progress
from bench.scale import guilds, rates, takeover
from bench.scale.databases import new_databases
from bench.scale.figures import Figures
from bench.store import measure as store


@dataclass(frozen=True, slots=True)
class Plan:
    """How often each part is measured."""

    rates: rates.Plan
    takeovers: int
    guilds: int
    store: store.Plan

    def with_descriptions(self, descriptions: int) -> "Plan":
        """Return the same with smaller databases, or larger ones."""
        return replace(self, store=store.Plan(descriptions, self.store.rounds))


FULL = Plan(rates.Plan(rounds=5, commands=320), takeovers=5, guilds=3, store=store.FULL)
QUICK = Plan(rates.Plan(rounds=3, commands=160), takeovers=3, guilds=1, store=store.QUICK)

_STORE, _WORKERS = "store", "workers"


async def measure(url: str, plan: Plan, folder: Path) -> Figures:
    """Measure all. Raises BenchError and StoreError.

    url: of a PostgreSQL server where databases may be made. folder: for files, and the SQLite database.
    """
    names = [_STORE, _WORKERS, *(rates.database_name(count) for count in rates.COUNTS)]
    async with new_databases(url, names) as urls:
        log_progress("a worker is killed in a build ...")
        seconds = await takeover.measure(urls[_WORKERS], plan.takeovers, folder / _WORKERS)
        log_progress("bots with many servers ...")
        costs = await guilds.measure(plan.guilds, folder / "guilds")
        runs = await rates.measure(urls, plan.rates, folder / "bots")
        (folder / _STORE).mkdir()
        queries = await store.fill_and_measure(urls[_STORE], plan.store, folder / _STORE)
    return Figures(runs, seconds, costs, queries)
