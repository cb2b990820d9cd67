"""What a plain /hero asks of the database: few transactions, since each costs more than its queries."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Engine, event

from bot.logs import current_reference
from tests.conftest import Stage

_QUERY = re.compile(r"(SELECT|INSERT|UPDATE|DELETE)\b.*?\b(?:FROM |INTO |(?<=UPDATE ))(\w+)", re.DOTALL)


@contextmanager
def queries_of_interactions() -> Iterator[list[str]]:
    """Collect what interactions ask of the database, without what the bot does beside them."""
    seen: list[str] = []

    def begin(_: Connection) -> None:
        if current_reference():
            seen.append("begin")

    def execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if current_reference() and (found := _QUERY.match(statement)):
            seen.append(" ".join(found.groups()))

    listeners = (("begin", begin), ("before_cursor_execute", execute))
    for name, listener in listeners:
        event.listen(Engine, name, listener)
    try:
        yield seen
    finally:
        for name, listener in listeners:
            event.remove(Engine, name, listener)


async def test_a_hero_takes_three_transactions_of_one_query(stage: Stage) -> None:
    await stage.ana.slash(stage.channel, "hero", hero="40 woman healing")  # it reads settings and limits
    with queries_of_interactions() as seen:
        await stage.ben.slash(stage.channel, "hero", hero="40 woman healing")
    writable_and_live = ["begin", "SELECT model"]
    stored, shown = ["begin", "INSERT description"], ["begin", "UPDATE description"]
    assert seen == [*writable_and_live, *stored, *shown]
