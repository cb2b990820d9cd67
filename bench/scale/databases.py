"""Databases of a run's own on a PostgreSQL server."""

import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import psutil
from sqlalchemy import URL

from bench.common.errors import BenchError
from bench.store.fill import connect_postgres
from bot.errors import StoreError
from bot.store.address import parse_address, require_driver, shown_address

_NO_ADDRESS = (
    "--postgres takes the address of a PostgreSQL server: postgresql+asyncpg://USER:PASSWORD@HOST:PORT/NAME"
)


@asynccontextmanager
async def new_databases(url: str, names: Sequence[str]) -> AsyncIterator[dict[str, str]]:
    """Make empty databases, and drop them when the block ends; yield their addresses by name.

    Raises BenchError if the address is not PostgreSQL's or the server does not let us, and StoreError if we
    cannot use it.
    """
    address = _address(url)
    made: dict[str, str] = {}
    server = await _connect(url)
    try:
        for name in names:
            full = f"herosmith_bench_{os.getpid()}_{name}"
            await _execute(server, f"CREATE DATABASE {full} TEMPLATE template0", url)
            made[full] = address.set(database=full).render_as_string(hide_password=False)
        yield dict(zip(names, made.values(), strict=True))
    finally:
        for full in made:
            await server.execute(f"DROP DATABASE IF EXISTS {full} WITH (FORCE)")
        await server.close()


def _address(url: str) -> URL:
    """Return the parts of a PostgreSQL server's address. Raises BenchError and StoreError."""
    try:
        parse_address(url)
    except StoreError as error:
        raise BenchError(_NO_ADDRESS) from error
    address = require_driver(url)
    if address.get_backend_name() != "postgresql":
        raise BenchError(_NO_ADDRESS)
    return address


async def _connect(url: str) -> Any:
    try:
        return await connect_postgres(url)
    except BenchError:
        raise
    except Exception as error:  # of many kinds: sockets, passwords, names
        raise BenchError(f"{shown_address(url)} does not let us in: {error}") from error


async def _execute(server: Any, statement: str, url: str) -> None:
    try:
        await server.execute(statement)
    except Exception as error:
        raise BenchError(f"No database can be made at {shown_address(url)}: {error}") from error


async def server_process(url: str) -> psutil.Process | None:
    """Return the server's first process, the parent of all others; None if it is not on this machine."""
    server = await connect_postgres(url)
    try:
        backend = psutil.Process(await server.fetchval("SELECT pg_backend_pid()"))
        return backend.parent() if "postgres" in backend.name() else None
    except psutil.Error:
        return None
    finally:
        await server.close()


def server_cpu_seconds(server: psutil.Process) -> float:
    """Return the processor time of a server's processes so far, also of those that have ended."""
    own = server.cpu_times()
    seconds = own.user + own.system + own.children_user + own.children_system
    for child in server.children():
        with suppress(psutil.NoSuchProcess):  # it has just ended
            times = child.cpu_times()
            seconds += times.user + times.system
    return float(seconds)
