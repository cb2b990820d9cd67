"""`herosmith prune`: free the disk space of models that nobody needs."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.runtime import installation_settings, run_command
from bot.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bot.tuning.pruning import Prunable


def prune(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only print what would be deleted")] = False,
) -> None:
    """Delete the files of old retired models and of checkpoints, as the bot does every hour.

    Models that are live, candidates, or needed for a rollback, a trial or a job stay, and so do the newest
    retired ones (KEEP_MODELS), and all that `tune` trained.
    """
    run_command(_prune(installation_settings(), dry_run=dry_run))


async def _prune(settings: Settings, *, dry_run: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.engine_start import shared_engine  # noqa: PLC0415

    if settings.hosted:
        typer.echo("Models at a hosted API take no disk space here, so there is nothing to delete.")
        return
    async with shared_engine(settings) as reachable, open_app(reachable) as app:
        found = await (app.pruner.plan() if dry_run else app.pruner.prune())
    for each in found:
        typer.echo(f"{_name(each)}: {each.bytes / 1e6:,.0f} MB")
    typer.echo(_summary(found, dry_run=dry_run))


def _name(each: "Prunable") -> str:
    return f"Model {each.model.id} ({each.name})" if each.model else f"Checkpoint {each.name}"


def _summary(found: "Sequence[Prunable]", *, dry_run: bool) -> str:
    if not found:
        return (
            "There is nothing to delete: all is needed, or among the newest models, which stay (KEEP_MODELS)."
        )
    freed = sum(each.bytes for each in found) / 1e6
    if dry_run:
        return f"That would free {freed:,.0f} MB. Nothing was deleted."
    return (
        f"Deleted, which freed {freed:,.0f} MB. The models stay in the lists, with their votes and history."
    )
