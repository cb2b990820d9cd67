"""Fixtures that give each test its own database, and the one that all are copies of."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.store.migrate import migrate
from tests.support.databases import POSTGRES_URL, Databases, PostgresServer


@pytest.fixture(scope="session")
def migrated_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an empty SQLite database of the newest schema, to copy: a migration takes four times as long."""
    path = tmp_path_factory.mktemp("migrated") / "hero.db"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        migrate(connection)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer | None]:
    """Return the server that TEST_POSTGRES_URL names, None if it is not set."""
    if not POSTGRES_URL:
        yield None
        return
    server = PostgresServer(POSTGRES_URL)
    yield server
    server.close()


@pytest.fixture(scope="session")
def session_databases(migrated_database: Path, postgres_server: PostgresServer | None) -> Iterator[Databases]:
    """Make databases that several tests share."""
    made = Databases(migrated_database, postgres_server)
    yield made
    made.drop()


@pytest.fixture
def databases(migrated_database: Path, postgres_server: PostgresServer | None) -> Iterator[Databases]:
    """Make databases of the running test."""
    made = Databases(migrated_database, postgres_server)
    yield made
    made.drop()
