"""DATABASE_URL: each address that cannot be used has a sentence of its own, without its secrets."""

import asyncio

import pytest
from sqlalchemy import make_url

from bot.errors import StoreError
from bot.store.database import open_database
from tests.support.databases import PostgresServer

pytest.importorskip("asyncpg", reason="the extra `postgres` is not installed")

SECRET = "hunter22"  # noqa: S105 (of no server)

UNUSABLE = {
    f"postgres//olga:{SECRET}@host/hero": "is no address of a database",
    f"postgres://olga:{SECRET}@host/hero": r"begins with postgres://\. Write postgresql\+asyncpg://",
    f"postgresql://olga:{SECRET}@host/hero": r"begins with postgresql://\. Write postgresql\+asyncpg",
    f"postgresql+psycopg2://olga:{SECRET}@host/hero": "Write postgresql.asyncpg:// in its place",
    "sqlite:///hero.db": r"begins with sqlite://\. Write sqlite\+aiosqlite:// in its place",
    f"mysql+aiomysql://olga:{SECRET}@host/hero": "Herosmith stores in SQLite and PostgreSQL alone",
    f"postgresql+asyncpg://olga:{SECRET}@host/hero?sslmode=require": "in place of sslmode=require, write",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero": "is on a server that does not answer: start it",
    f"postgresql+asyncpg://olga:{SECRET}@/hero?host=/nowhere": "is on a server that does not answer",
    f"postgresql+asyncpg://olga:{SECRET}@db.invalid/hero": "is on a host that nobody knows",
}


def refusal(url: str) -> str:
    async def start() -> None:
        async with open_database(url):
            pass

    with pytest.raises(StoreError) as caught:
        asyncio.run(start())
    return str(caught.value)


@pytest.mark.parametrize("url", UNUSABLE)
def test_each_unusable_address_has_its_sentence(url: str) -> None:
    with pytest.raises(StoreError, match=UNUSABLE[url]):
        raise StoreError(refusal(url))
    assert SECRET not in refusal(url)


@pytest.fixture
def server(postgres_server: PostgresServer | None) -> PostgresServer:
    if postgres_server is None:
        pytest.skip("TEST_POSTGRES_URL names no PostgreSQL server")
    return postgres_server


def test_a_database_that_is_not_there(server: PostgresServer) -> None:
    url = server.empty().set(database="herosmith_nowhere", password=SECRET)
    told = refusal(url.render_as_string(hide_password=False))
    assert "is not there, though its server answers: create it (`createdb NAME`)" in told
    assert SECRET not in told


def test_a_user_that_is_not_there(server: PostgresServer) -> None:
    url = server.empty().set(username="herosmith_nobody", password=SECRET)
    told = refusal(url.render_as_string(hide_password=False))
    assert "does not let this user in" in told or "does not take this password" in told
    assert SECRET not in told


def test_a_database_of_another_encoding(server: PostgresServer) -> None:
    base = server.empty()
    name = f"{base.database}_ascii"

    async def create() -> None:
        import asyncpg

        connection = await asyncpg.connect(
            make_url(base).set(drivername="postgresql").render_as_string(hide_password=False)
        )
        await connection.execute(f"DROP DATABASE IF EXISTS {name}")
        await connection.execute(f"CREATE DATABASE {name} ENCODING SQL_ASCII LOCALE 'C' TEMPLATE template0")
        await connection.close()

    asyncio.run(create())
    url = base.set(database=name)
    told = refusal(url.render_as_string(hide_password=False))
    server.drop(url)
    assert "has the encoding SQL_ASCII, and texts of all languages need UTF8" in told
