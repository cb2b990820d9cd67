"""The terminal's `herosmith db`: copy a database to another one, and compare what they hold."""

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import print_json, print_table, shown
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.store.copying.copy import Copied, Watch
    from bot.store.copying.end import End

db = CommandGroup("The database: copy it to another one, such as PostgreSQL, and compare what they hold.")

_SHOWN_HASH = 16  # characters of a hash in a table
_SLOW = 2.0  # seconds after which progress is told where no terminal shows a bar
_BESIDE = ("voters.key", "engine", "adapters", "reports")  # what an installation has beside its database
_ADDRESS = "an address as DATABASE_URL has it, or the path of an SQLite file"


@db.command("copy")
def copy(
    source: Annotated[str, typer.Argument(metavar="FROM", help=f"The database to copy: {_ADDRESS}")],
    target: Annotated[
        str,
        typer.Argument(metavar="TO", help="The same of one that is empty, or left by an interrupted copy"),
    ],
    as_json: Json = False,
) -> None:
    """Copy a database to another one, and compare every table. Stop the bot first.

    The source is not changed. If the copy is interrupted, the same command goes on with it. The exit code is
    1 if a table differs in the end.
    """
    run_command(_copy(installation_settings(), source, target, as_json=as_json))


@db.command()
def check(
    address: Annotated[
        str | None, typer.Argument(help=f"The database: {_ADDRESS}; by default the installation's")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count and hash the rows of every table. Equal rows have equal hashes, whatever the database is."""
    run_command(_check(installation_settings(), address, as_json=as_json))


async def _copy(settings: Settings, source: str, target: str, *, as_json: bool) -> None:
    from bot.store.copying.copy import copy_database  # noqa: PLC0415 (so that --help is quick)
    from bot.store.copying.end import read_end  # noqa: PLC0415

    ends = read_end(source), read_end(target)
    try:
        with _progress() as watch:
            copied = await copy_database(*ends, _data_folders(settings, *ends), watch)
    except asyncio.CancelledError:
        typer.echo("The copy was interrupted. The same command goes on with it.", err=True)
        raise
    if as_json:
        print_json(_copied_json(settings, *ends, copied))
    else:
        _print_copied(settings, *ends, copied)
    if not copied.equal:
        raise typer.Exit(1)


async def _check(settings: Settings, address: str | None, *, as_json: bool) -> None:
    from bot.store.copying.copy import check_database  # noqa: PLC0415
    from bot.store.copying.end import read_end  # noqa: PLC0415

    end = read_end(address or settings.database)
    with _progress() as watch:
        found = await check_database(end, watch)
    rows = sum(each.rows for each in found.tables.values())
    if as_json:
        tables = [
            {"table": name, "rows": each.rows, "hash": each.hash} for name, each in found.tables.items()
        ]
        print_json({"database": end.shown, "schema": found.schema, "rows": rows, "tables": tables})
        return
    print_table(
        ("table", "rows", "hash"),
        [(name, each.rows, each.hash[:_SHOWN_HASH]) for name, each in found.tables.items()],
    )
    typer.echo(f"{end.shown} has {rows:,} rows in {len(found.tables)} tables, of the schema {found.schema}.")


@contextmanager
def _progress() -> Iterator["Watch"]:
    """Show on standard error how far a copy has come, and how fast it is."""
    from rich.console import Console  # noqa: PLC0415

    from bot.cli.progress import show_progress  # noqa: PLC0415

    with show_progress(Console(stderr=True), "database", first_line=_SLOW) as view:
        began: dict[str, tuple[float, int]] = {}

        def watch(doing: str, table: str, done: int, total: int) -> None:
            now = time.monotonic()
            started, before = began.setdefault(doing, (now, done))
            rate = (done - before) / (now - started) if now > started else 0.0
            view.update(done, total, f"{doing} {table} · {rate:,.0f} rows/s")

        yield watch


def _data_folders(settings: Settings, source: "End", target: "End") -> set[Path]:
    """Return the data folders of both, in which nothing may run meanwhile."""
    from bot.store.copying.end import read_end  # noqa: PLC0415
    from bot.store.use_lock import is_data_folder  # noqa: PLC0415

    folders = {target.path.parent} if target.path else set[Path]()
    if source.path and is_data_folder(source.path.parent):
        folders.add(source.path.parent)
    if settings.data_dir.is_dir() and read_end(settings.database).place in (source.place, target.place):
        folders.add(settings.data_dir)
    return folders


def _print_copied(settings: Settings, source: "End", target: "End", copied: "Copied") -> None:
    print_table(
        ("table", "rows", "equal"),
        [(name, each.target.rows, each.equal) for name, each in copied.tables.items()],
    )
    typer.echo("\n".join(_sentences(settings, source, target, copied)), err=not copied.equal)


def _sentences(settings: Settings, source: "End", target: "End", copied: "Copied") -> Iterator[str]:
    """Yield what was done, and what is to be done next."""
    if copied.anew:
        yield f"{source.shown} has changed since an earlier attempt, so all was copied anew."
    elif copied.there_before:
        yield f"{copied.there_before:,} rows were there already, of an earlier attempt."
    if copied.written:
        rate = copied.written / max(copied.seconds, 0.001)
        yield f"{copied.written:,} rows were copied in {copied.seconds:,.1f} s, {rate:,.0f} a second."
    if not copied.equal:
        differing = ", ".join(name for name, each in copied.tables.items() if not each.equal)
        yield (
            f"The rows of {differing} are not those of {source.shown}: another program has written to "
            f"{target.shown}. The bot does not take this copy. Start the same command again: it copies all "
            "anew."
        )
        return
    for name, each in copied.tables.items():
        if each.source.changed:
            yield _changed_text(name, each.source.changed, target)
    yield f"All tables of {target.shown} are equal to those of {source.shown}, which is as it was."
    yield from _next_steps(settings, source, target)


def _changed_text(table: str, rows: int, target: "End") -> str:
    where = f"in {rows:,} row{'' if rows == 1 else 's'} of {table}"
    if target.backend == "postgresql":
        return f"PostgreSQL stores no U+0000: this sign was taken out of texts {where}."
    return f"SQLite stores no NaN: it became NULL {where}."


def _next_steps(settings: Settings, source: "End", target: "End") -> Iterator[str]:
    yield f"Next, write this line into .env, then start the bot: {_setting(settings, target)}"
    if target.backend == "postgresql":
        yield (
            "The address is to be as you typed it here, with its password."
            if "***" in target.shown
            else "If the server wants a password, it has to be in the address, ~/.pgpass or PGPASSWORD."
        )
        if settings.backup_dir:
            yield "Leave BACKUP_DIR empty: PostgreSQL is backed up by pg_dump (docs/operating.md)."
    if settings.discord_token is None:
        yield "DATABASE_URL counts once DISCORD_TOKEN is set: the playground always has its own SQLite file."
    if beside := [shown(each) for each in _beside(settings, source, target)]:
        yield (
            f"Only the database was copied. The rest stays where it is: {', '.join(beside)}. If the bot "
            "moves to another machine or DATA_DIR, copy these there by hand; without voters.key votes "
            "belong to nobody."
        )


def _setting(settings: Settings, target: "End") -> str:
    if target.path is None:
        return f"DATABASE_URL={target.shown}"
    if target.path.resolve() == (settings.data_dir / "hero.db").resolve():
        return "DATABASE_URL="
    return f"DATABASE_URL=sqlite+aiosqlite:///{target.path.absolute()}"


def _beside(settings: Settings, source: "End", target: "End") -> Sequence[Path]:
    """Return the files and folders of the installation that a copy of its database leaves behind."""
    candidates = [end.path.parent for end in (source, target) if end.path] + [settings.data_dir]
    folder = next((each for each in candidates if (each / _BESIDE[0]).exists()), settings.data_dir)
    found = [folder / name for name in _BESIDE]
    if folder.resolve() == settings.data_dir.resolve():
        found = [settings.adapters if each.name == "adapters" else each for each in found]
    return [each for each in found if each.exists()]


def _copied_json(settings: Settings, source: "End", target: "End", copied: "Copied") -> dict[str, Any]:
    return {
        "source": source.shown,
        "target": target.shown,
        "equal": copied.equal,
        "written": copied.written,
        "there_before": copied.there_before,
        "anew": copied.anew,
        "seconds": round(copied.seconds, 3),
        "env": _setting(settings, target),
        "by_hand": [str(each.absolute()) for each in _beside(settings, source, target)],
        "compared": [
            {
                "table": name,
                "rows": each.source.rows,
                "target_rows": each.target.rows,
                "hash": each.source.hash,
                "target_hash": each.target.hash,
                "equal": each.equal,
                "changed": each.source.changed,
            }
            for name, each in copied.tables.items()
        ],
    }
