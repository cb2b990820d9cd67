"""DATABASE_URL: each address that cannot be used has a sentence of its own, without its secrets.

tests/store/test_postgres.py has what a server answers.
"""

import asyncio

import pytest

from bot.errors import StoreError
from bot.store.database import open_database

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
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?timeout=5": "does not take the option timeout",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?statement_cache_size=0": "statement_cache_size",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?async_fallback=1": "the option async_fallback",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?ssl=allow&ssl=require": "ssl stands more than once",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?prepared_statement_cache_size=x": "is no number",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:99999/hero": "a number from 1 to 65535",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:0/hero": "a number from 1 to 65535",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1/hero?port=x": "a number from 1 to 65535",
    f"postgresql+asyncpg://olga:{SECRET}@/hero?host=one:1&host=two": "of several hosts each needs one",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero?ssl=always": "`sslmode` parameter must be one of",
    f"postgresql+asyncpg://olga:p@s?{SECRET}@127.0.0.1:1/hero": r"postgresql\+asyncpg://\*\*\* cannot be",
    f"postgresql+asyncpg://olga:p@s?{SECRET}=x@127.0.0.1:1/hero": "is no address of a database",
    f"postgresql+asyncpg://olga:{SECRET}@[::1]:1/hero": "cannot be reached",
    f"postgresql+asyncpg://olga:{SECRET}@db..invalid/hero": "cannot be reached",
    f"postgresql+asyncpg://olga:{SECRET}@{'d' * 64}.invalid/hero": "cannot be reached",
    f"postgresql+asyncpg://olga:{SECRET}@127.0.0.1:1/hero": "cannot be reached",
    f"postgresql+asyncpg://olga:{SECRET}@/hero?host=/nowhere": "cannot be reached",
    f"postgresql+asyncpg://olga:{SECRET}@db.invalid/hero": "cannot be reached",
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
