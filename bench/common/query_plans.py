"""Which statements a block of code runs, and how the database would find their rows."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, event

from bot.store.database import Transaction

_EXPLAINED = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")
_CHOOSES = re.compile(r"\b(WHERE|GROUP BY|ORDER BY|JOIN|HAVING)\b")
_SCAN = re.compile(r"^SCAN (?!anon_\d+|\(subquery|(?:\d+ )?CONSTANT)(\w+)")  # but of a subquery's result


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement with the parameters of its first row."""

    sql: str
    parameters: Any


@dataclass(frozen=True, slots=True)
class Plan:
    """How a database would find a statement's rows: its own words, and the tables it reads as a whole.

    A table is called by the statement's alias if it has one. Reading an index from end to end counts, but not
    if only the first rows of any are wanted.
    """

    sql: str
    steps: tuple[str, ...]
    scans: tuple[str, ...]


@contextmanager
def recorded_statements() -> Iterator[list[Statement]]:
    """Record what is run on any database until the block ends; only queries and changes of rows."""
    found: list[Statement] = []

    def note(_connection: Any, _cursor: Any, sql: str, parameters: Any, _context: Any, many: bool) -> None:
        if sql.lstrip().startswith(_EXPLAINED):
            found.append(Statement(sql, parameters[0] if many else parameters))

    event.listen(Engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        event.remove(Engine, "before_cursor_execute", note)


async def explain(tx: Transaction, statements: Sequence[Statement]) -> list[Plan]:
    """Return the plans of statements; nothing of them is run."""
    on_sqlite = tx.dialect.name == "sqlite"
    return [await (_of_sqlite if on_sqlite else _of_postgresql)(tx, each) for each in statements]


async def _of_sqlite(tx: Transaction, statement: Statement) -> Plan:
    rows = await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement.sql}", statement.parameters)
    steps = tuple(row.detail for row in rows)
    return _plan(statement, steps, [found[1] for step in steps if (found := _SCAN.match(step))])


async def _of_postgresql(tx: Transaction, statement: Statement) -> Plan:
    row = await tx.exec_driver_sql(f"EXPLAIN (FORMAT JSON) {statement.sql}", statement.parameters)
    found = row.scalar_one()
    nodes = list(_nodes((json.loads(found) if isinstance(found, str) else found)[0]["Plan"]))
    steps = tuple(" ".join(filter(None, (node["Node Type"], node.get("Index Name")))) for node in nodes)
    return _plan(statement, steps, [str(node["Alias"]) for node in nodes if _reads_all(node)])


def _plan(statement: Statement, steps: Sequence[str], scans: Sequence[str]) -> Plan:
    takes_any = "LIMIT" in statement.sql and not _CHOOSES.search(statement.sql)
    return Plan(statement.sql, tuple(steps), () if takes_any else tuple(scans))


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for each in node.get("Plans", ()):
        yield from _nodes(each)


def _reads_all(node: dict[str, Any]) -> bool:
    kind = node["Node Type"]
    return kind == "Seq Scan" or (kind in ("Index Scan", "Index Only Scan") and "Index Cond" not in node)
