"""`herosmith backup` and `herosmith restore`: an installation in a folder or a file, and back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.commands import Yes
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import program, shown
from bot.errors import BackupError
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.backup.manifest import Manifest

_COUNTED_TABLES = ("dataset", "description", "vote", "model", "job")


def backup(
    path: Annotated[
        Path, typer.Argument(help="What to make: a new folder, or one file if it ends in .tar.gz")
    ],
) -> None:
    """Back up the database, the secret of the pseudonyms, models and settings, while everything runs."""
    run_command(_backup(installation_settings(), path))


def restore(
    path: Annotated[Path, typer.Argument(help="A folder or a .tar.gz that `backup` made")],
    yes: Yes = False,
) -> None:
    """Put a backup in place of the data, which is kept aside. Stop the bot first."""
    run_command(_restore(installation_settings(), path, confirmed=yes))


async def _backup(settings: Settings, path: Path) -> None:
    from bot.backup.archive import make_backup  # noqa: PLC0415 (so that --help is quick)

    made = await make_backup(settings, path)
    typer.echo(
        f"The backup {shown(made.path)} is made and verified ({made.bytes / 1e6:,.1f} MB): "
        f"{_rows_text(made.manifest)}."
    )
    if made.new_folder:
        typer.echo(f"{shown(made.path.parent)} was not there and has been made: is its disk mounted?")
    if made.manifest.missing_models:
        names = ", ".join(made.manifest.missing_models)
        typer.echo(f"Not in it, because their files are not in {shown(settings.data_dir)}: {names}")
    typer.echo(
        "It holds voters.key, by which votes can be traced to people: keep it where nobody else can read it. "
        f"To restore it: {program()} restore {shown(made.path)}"
    )


async def _restore(settings: Settings, path: Path, *, confirmed: bool) -> None:
    from bot.backup.restore import RESTORED_SETTINGS, open_restore  # noqa: PLC0415
    from bot.cli.progress import confirm  # noqa: PLC0415

    data_dir = shown(settings.data_dir)
    with open_restore(settings, path) as ready:
        made_at = f"{ready.manifest.made_at.astimezone():%Y-%m-%d %H:%M}"
        typer.echo(f"The backup of {made_at} is sound: {_rows_text(ready.manifest)}.")
        if ready.replaces and not confirmed:
            _require_terminal()
            if not confirm(f"Put it in place of what is in {data_dir}, which is kept aside?", default=False):
                typer.echo("Nothing was done.")
                return
        restored = ready.swap()
    typer.echo(f"It is restored to {data_dir}.")
    if restored.aside:
        typer.echo(f"What was there before is in {shown(restored.aside)}: delete that once all is well.")
    typer.echo(
        f"Its settings, without secrets, are in {shown(settings.data_dir / RESTORED_SETTINGS)}, to compare: "
        "they have no effect there. Now start the bot."
    )


def _require_terminal() -> None:
    if not sys.stdin.isatty():
        raise BackupError(
            "There is data that the restore would replace, and nobody to ask, so nothing was done. Start the "
            "command again with --yes."
        )


def _rows_text(manifest: "Manifest") -> str:
    counts = [_count_text(manifest.rows.get(table, 0), table) for table in _COUNTED_TABLES]
    return f"{', '.join(counts)}, and the files of {_count_text(manifest.model_count, 'model')}"


def _count_text(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
