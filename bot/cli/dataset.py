"""The terminal's `herosmith dataset`: build, check, import, export and status."""

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from bot.app import open_app
from bot.cli.lint import check
from bot.cli.progress import run_if_confirmed
from bot.cli.runtime import installation_settings, run_command
from bot.dataset.files.formats import FileFormat
from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS
from bot.i18n.message import ENGLISH
from bot.presentation.builds import build_plan_text, pairs_text
from bot.presentation.datasets import dataset_status_text
from bot.settings import Settings
from bot.store.job_schema import BuildSource

dataset = typer.Typer(help="Datasets: build, check, import and export them.", no_args_is_help=True)
dataset.command()(check)

Version = Annotated[int | None, typer.Option(help="The dataset's version; the newest where left out")]


@dataset.command()
def build(
    repeats: Annotated[int | None, typer.Option(help="How often each hero of the grid is written")] = None,
    model: Annotated[str | None, typer.Option(help="The model that writes, in place of AUTHOR_MODEL")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many examples")] = None,
    budget: Annotated[float | None, typer.Option(help="The most it may cost, in US dollars")] = None,
    batch: Annotated[
        bool | None,
        typer.Option("--batch/--no-batch", help="Through the provider's Batch API: half the price"),
    ] = None,
    source: Annotated[
        BuildSource,
        typer.Option(
            help="model: a model writes anew; model-only: without the shipped texts written by hand; "
            "shipped: the texts that come with the bot, no model writes"
        ),
    ] = "model",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Confirm the plan at once")] = False,
) -> None:
    """Show what a dataset will take; write its texts and keep those that fit, if you confirm.

    Where the bot runs, its worker does the work; where it does not, this command does.
    """
    options = {"repeats": repeats, "model": model, "limit": limit, "budget": budget, "batch": batch}
    run_command(_build(installation_settings(), source, options, confirmed=yes))


@dataset.command()
def pairs() -> None:
    """Freeze the pairs that people voted on, for preference tuning."""
    run_command(_pairs(installation_settings()))


@dataset.command()
def status(
    min_voters: Annotated[int | None, typer.Option(help="Try another number of voters")] = None,
    above: Annotated[float | None, typer.Option(help="Try another share of thumbs up, from 0 to 1")] = None,
    confidence: Annotated[float | None, typer.Option(help="Try another confidence, between 0 and 1")] = None,
) -> None:
    """Show the newest dataset, which votes count, and what the next one would take in.

    The options try other thresholds without setting them.
    """
    run_command(_status(installation_settings(), min_voters=min_voters, above=above, confidence=confidence))


@dataset.command("import")
def import_(file: Annotated[Path, typer.Argument(help="A .csv, .jsonl or .parquet, or a folder")]) -> None:
    """Take a file's texts in as a dataset of its own."""
    run_command(_import(installation_settings(), file))


@dataset.command()
def export(
    to: Annotated[Path, typer.Argument(help="The file to write, or for huggingface the folder")],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            help="article, prepared, csv, jsonl, parquet or huggingface; where left out, what the name says",
        ),
    ] = None,
    version: Version = None,
    overwrite: Annotated[bool, typer.Option(help="Put it in the place of what is there")] = False,
) -> None:
    """Write a dataset to a file: to train elsewhere, for a table, or for the Hugging Face hub."""
    file_format = _parse_format(form or to.suffix.removeprefix(".") or "jsonl")
    run_command(_export(installation_settings(), to, file_format, version, overwrite=overwrite))


async def _build(
    settings: Settings, source: BuildSource, options: dict[str, Any], *, confirmed: bool
) -> None:
    console = Console()
    async with open_app(settings) as app:
        spec = app.planner.spec(source, **options)
        job, estimate = await app.builds.plan(spec)
        plan = build_plan_text(ENGLISH, spec, estimate, await app.budget.remaining_today()).replace("**", "")
        console.print(plan, highlight=False, soft_wrap=True)
        confirmed = confirmed or typer.confirm("Build it?", default=True)
        await run_if_confirmed(confirmed, app, job, settings, console)


async def _pairs(settings: Settings) -> None:
    async with open_app(settings) as app:
        typer.echo(pairs_text(ENGLISH, await app.pairs.freeze()).replace("`", ""))


async def _status(settings: Settings, **thresholds: Any) -> None:
    async with open_app(settings) as app:
        text = dataset_status_text(ENGLISH, await app.dataset_statuses.status(**thresholds))
    typer.echo(text.replace("**", "").replace("```\n", "").replace("\n```", ""))


async def _import(settings: Settings, file: Path) -> None:
    async with open_app(settings) as app:
        result = await app.transfer.import_file(file)
    for note in result.notes:
        typer.echo(note)
    counts = result.dataset.counts
    state = "is" if result.new else "was already"
    typer.echo(
        f"{file} {state} dataset v{result.dataset.id}: {counts.get('train', 0)} texts to learn from, "
        f"{counts.get('valid', 0)} held out."
    )
    for reason, count in sorted(result.dropped.items()):
        typer.echo(f"Left out: {count} {reason}.")
    if (training := counts.get("train", 0)) < MIN_TRAINING_TEXTS:
        typer.echo(
            f"The file holds out so many that {training} train, and trainers need {MIN_TRAINING_TEXTS}: "
            "add texts and import it again before you tune on it."
        )
    else:
        version = result.dataset.id
        typer.echo(f"Next: `herosmith finetune --dataset {version}`, or /finetune dataset:{version}.")


async def _export(
    settings: Settings, to: Path, file_format: FileFormat, version: int | None, *, overwrite: bool
) -> None:
    async with open_app(settings) as app:
        dataset_, written = await app.transfer.export(version, to, file_format, overwrite=overwrite)
    typer.echo(f"Wrote {to}: {written} texts of dataset v{dataset_.id}.")


def _parse_format(name: str) -> FileFormat:
    match name:
        case "article" | "prepared" | "csv" | "jsonl" | "parquet" | "huggingface":
            return name
    raise typer.BadParameter(
        f"{name} is no format: choose article, prepared, csv, jsonl, parquet or huggingface.",
        param_hint="--format",
    )
