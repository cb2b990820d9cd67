"""Migrate a database's schema with alembic."""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from bot.errors import StoreError

_FOLDER = Path(__file__).parent / "migrations"
_VERSION = table("alembic_version", column("version_num"))


def migrate(connection: Connection, revision: str = "head") -> None:
    """Migrate the schema to a revision. Raise StoreError if the database has an unknown one."""
    if revision == "head" and _revision(connection) == newest():
        return  # without loading alembic: nearly every start ends here
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreError(str(error)) from error


def newest() -> str:
    """Return the newest revision, by the names of the files."""
    return max(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(_VERSION.name):
        return None
    return connection.execute(select(_VERSION.c.version_num)).scalar_one_or_none()
