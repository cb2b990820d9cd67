"""Whether what a test does finds its rows by indexes."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bench.common.query_plans import Plan, explain, recorded_statements
from bot.store.database import Database


class QueryPlans:
    """SQLite's plans of the statements that ran in `recorded`, in their order.

    PostgreSQL reads small tables as a whole, whatever their indexes: bench.store has the plans of large ones.
    """

    def __init__(self) -> None:
        self.plans: list[Plan] = []

    @asynccontextmanager
    async def recorded(self, db: Database) -> AsyncIterator[None]:
        """Record until the block ends."""
        with recorded_statements() as statements:
            yield
        async with db.read() as tx:
            self.plans += await explain(tx, statements)

    @property
    def scans(self) -> list[tuple[str, str]]:
        """The tables that are read as a whole, each with the statement that does."""
        return [(table, plan.sql) for plan in self.plans for table in plan.scans]

    @property
    def sorts(self) -> list[str]:
        """The statements that sort rows, as no index has them in order."""
        return [plan.sql for plan in self.plans if any("TEMP B-TREE" in step for step in plan.steps)]


@pytest.fixture
def query_plans() -> QueryPlans:
    return QueryPlans()
