"""The database's clock: what several hosts compare, each of which has a clock of its own."""

from typing import Any

from sqlalchemy import Float
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class now(FunctionElement[float]):  # noqa: N801 (it is written as a function of SQL)
    """The moment in seconds since 1970 at the database, later in each statement of a transaction."""

    type = Float()
    inherit_cache = True


@compiles(now, "sqlite")
def _of_sqlite(_element: now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "((julianday('now') - 2440587.5) * 86400.0)"


@compiles(now, "postgresql")
def _of_postgresql(_element: now, _compiler: SQLCompiler, **_options: Any) -> str:
    return "extract(epoch from clock_timestamp())::double precision"
