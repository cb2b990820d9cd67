"""Migrate a database's schema with alembic."""

from pathlib import Path

from sqlalchemy import Connection, column, inspect, select, table

from bot.errors import StoreError
from bot.store.schema import metadata

_FOLDER = Path(__file__).parent / "migrations"
_VERSION = table("alembic_version", column("version_num"))
_SHOWN_TABLES = 5

UNFINISHED_COPY = "unfinished-copy"
"""In place of the revision while a copy is made: nothing may open the database meanwhile."""


def migrate(connection: Connection, revision: str = "head") -> None:
    """Migrate the schema to a revision. Raise StoreError if the database is not one of ours up to now.

    The error's text continues the sentence that begins with the database's name.
    """
    known_revision(connection)
    # loaded here, because nearly every start finds the newest schema and migrates nothing
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(_FOLDER))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def known_revision(connection: Connection) -> str | None:
    """Return the database's revision, None if it is empty. Raise StoreError if it is not one of ours."""
    current = _revision(connection)
    if current is None:
        _check_no_tables(connection)
    elif current not in _revisions():
        raise StoreError(_unknown_revision_text(current))
    return current


def is_newest(connection: Connection) -> bool:
    """Return whether the schema is the newest one."""
    return _revision(connection) == newest()


def older_revision(connection: Connection) -> str | None:
    """Return the revision of a database that `migrate` would change; None for an empty or a newest one.

    Also None for one that `migrate` refuses.
    """
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalars().all()
    older = _revisions() - {newest()}
    return str(found[0]) if len(found) == 1 and found[0] in older else None


def newest() -> str:
    """Return the newest revision."""
    return max(_revisions())


def _revisions() -> set[str]:
    """Return the revisions that this version knows, by the names of the files."""
    return {file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*.py")}


def _revision(connection: Connection) -> str | None:
    """Return the database's revision, None if it says nothing. Raise StoreError if it names several."""
    if not inspect(connection).has_table(_VERSION.name):
        return None
    found = connection.execute(select(_VERSION.c.version_num)).scalars().all()
    if len(found) > 1:
        raise StoreError(
            f"names {len(found)} versions of itself in the table alembic_version: another program has "
            "changed it. Put a backup in its place."
        )
    return str(found[0]) if found else None


def _check_no_tables(connection: Connection) -> None:
    """Raise StoreError if a database without a revision has tables: to create ours there would harm it."""
    tables = set(inspect(connection).get_table_names()) - {_VERSION.name}
    if tables & set(metadata.tables):
        raise StoreError(
            "has the tables of Herosmith, but not their version (the table alembic_version is empty or "
            "missing), so it cannot be known how to read them. Put a backup in its place."
        )
    if tables:
        shown = ", ".join(sorted(tables)[:_SHOWN_TABLES]) + (", …" if len(tables) > _SHOWN_TABLES else "")
        raise StoreError(
            f"belongs to another program: it has the tables {shown}. Name another one in DATABASE_URL."
        )


def _unknown_revision_text(revision: str) -> str:
    if revision == UNFINISHED_COPY:
        return (
            "is a copy that was not finished: start the same `herosmith db copy` again, which goes on with "
            "it. Until then nothing else can use it."
        )
    if revision.isdecimal() and revision > newest():
        return (
            f"was made by a newer Herosmith (schema {revision}; this version knows {newest()}): "
            "update Herosmith and start again. Nothing was changed."
        )
    return (
        f"has the schema {revision!r}, which this version does not know: another program has changed it, or "
        "it is not Herosmith's. Put a backup in its place, or name another one in DATABASE_URL."
    )
