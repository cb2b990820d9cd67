"""`herosmith dataset`: build, look at, check, import and export datasets."""

import random
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from bot.cli.commands import CommandGroup, Json, Yes
from bot.cli.runtime import installation_settings, print_error, run_command
from bot.cli.terminal import (
    TERMINAL,
    date_time,
    iso_time,
    plain,
    print_fields,
    print_json,
    print_table,
    program,
)
from bot.dataset.files.formats import FileFormat
from bot.errors import UserError
from bot.settings import Settings
from bot.store.job_schema import BuildSource

if TYPE_CHECKING:
    from bot.store.datasets import Dataset, Item

dataset = CommandGroup("Datasets of heroes: build them, look into them, check, import and export files.")

_HEADINGS = ("version", "kind", "to learn from", "kept aside", "liked", "made")
_KINDS = {"sft": "texts", "preference": "pairs", "thumbs": "thumbs"}

Version = Annotated[int | None, typer.Option(help="The dataset's version; by default the newest")]


@dataset.command("list")
def list_(as_json: Json = False) -> None:
    """List all datasets, newest first."""
    run_command(_list(installation_settings(), as_json=as_json))


@dataset.command()
def show(
    version: Annotated[
        int | None, typer.Argument(help="The dataset's version; by default the newest")
    ] = None,
    texts: Annotated[bool, typer.Option("--texts", help="Print its texts as well")] = False,
    as_json: Json = False,
) -> None:
    """Show what a dataset consists of, and with --texts every text of it."""
    run_command(_show(installation_settings(), version, texts=texts, as_json=as_json))


@dataset.command()
def sample(
    number: Annotated[int, typer.Option("--number", "-n", min=1, help="How many texts")] = 3,
    version: Version = None,
    seed: Annotated[int | None, typer.Option(help="The same number chooses the same texts each time")] = None,
    as_json: Json = False,
) -> None:
    """Print some texts of a dataset, chosen at random."""
    run_command(_sample(installation_settings(), number, version, seed, as_json=as_json))


@dataset.command()
def build(
    repeats: Annotated[
        int | None, typer.Option(min=1, help="How many texts are written for each hero")
    ] = None,
    model: Annotated[str | None, typer.Option(help="The model that writes, in place of AUTHOR_MODEL")] = None,
    limit: Annotated[
        int | None, typer.Option(help="How many texts to write at most; a few teach little")
    ] = None,
    budget: Annotated[float | None, typer.Option(help="The most it may cost, in US dollars")] = None,
    batch: Annotated[
        bool | None,
        typer.Option("--batch/--no-batch", help="Through the provider's Batch API: half the price"),
    ] = None,
    source: Annotated[
        BuildSource,
        typer.Option(
            help="model: a model writes new texts, and those by hand that come with the bot join them; "
            "model-only: the new ones alone; shipped: the texts that come with the bot, none is written"
        ),
    ] = "model",
    ranked: Annotated[
        bool,
        typer.Option(
            "--ranked/--no-ranked",
            help="Add texts of the live model that a ranker, which learns from votes, finds best",
        ),
    ] = False,
    yes: Yes = False,
) -> None:
    """Make a dataset: show what it takes, and once you confirm, write texts and keep those that fit.

    If the bot runs, its worker does the work; otherwise this command does.
    """
    options = {"repeats": repeats, "model": model, "limit": limit, "budget": budget, "batch": batch}
    options["ranked"] = ranked
    run_command(_build(installation_settings(), source, options, confirmed=yes))


@dataset.command()
def check(
    file: Annotated[
        Path,
        typer.Argument(
            help="Prompts and completions, or heroes and texts: CSV, JSONL, Excel, Parquet and others"
        ),
    ],
    legacy: Annotated[
        bool,
        typer.Option(
            "--legacy", help="Write prompts and completions as OpenAI's old models read them, not chats"
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option(
            "--yes", "-y", "--quiet", "-q", help="Answer yes to every question; all is printed as without it"
        ),
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, in place of FILE_prepared.jsonl")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file of --out")] = False,
) -> None:
    """Check a file of examples, and write it anew as JSONL that can be trained on."""
    from bot.cli.lint import check_file  # noqa: PLC0415 (so that --help is quick)

    check_file(file, out, legacy=legacy, confirmed=yes, overwrite=overwrite)


@dataset.command()
def pairs() -> None:
    """Make a dataset of pairs, a better and a worse text, from votes: for `finetune --method dpo`."""
    run_command(_pairs(installation_settings()))


@dataset.command()
def thumbs() -> None:
    """Make a dataset of texts that people liked or voted down: for `finetune --method kto`."""
    run_command(_thumbs(installation_settings()))


@dataset.command()
def status(
    min_voters: Annotated[int | None, typer.Option(help="How many voters a text needs")] = None,
    above: Annotated[
        float | None, typer.Option(help="Which share of them has to like it, from 0 to 1")
    ] = None,
    confidence: Annotated[float | None, typer.Option(help="How sure that has to be, between 0 and 1")] = None,
) -> None:
    """Show the newest dataset, which votes count, and what the next one would take in.

    The options show what other rules would take in, without setting them.
    """
    run_command(_status(installation_settings(), min_voters=min_voters, above=above, confidence=confidence))


@dataset.command("import")
def import_(
    file: Annotated[
        Path, typer.Argument(help="A file of heroes and texts: CSV, JSONL, Parquet, Excel, or a folder")
    ],
) -> None:
    """Take in a file of heroes and texts as a dataset of its own. `examples/heroes.csv` is one."""
    run_command(_import(installation_settings(), file))


@dataset.command()
def export(
    to: Annotated[Path, typer.Argument(help="The file to write; for huggingface, the folder")],
    form: Annotated[
        FileFormat | None,
        typer.Option("--format", help="The format; by default, what the file's ending says"),
    ] = None,
    version: Version = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace what is there")] = False,
) -> None:
    """Write a dataset to a file: to train elsewhere, for a table, or for the Hugging Face hub."""
    file_format = form or _format_of(to)
    run_command(_export(installation_settings(), to, file_format, version, overwrite=overwrite))


async def _list(settings: Settings, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.dataset.versions.contents import NO_DATASET  # noqa: PLC0415

    async with open_app(settings) as app:
        found = await app.dataset_contents.all()
    if as_json:
        print_json([_dataset_json(each) for each in found])
    elif found:
        print_table(_HEADINGS, map(_row, found))
    else:
        typer.echo(plain(TERMINAL(NO_DATASET)))


async def _show(settings: Settings, version: int | None, *, texts: bool, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(settings) as app:
        found = await app.dataset_contents.get(version)
        items = await app.dataset_contents.items(found.id) if texts else []
    if as_json:
        shown = {"recipe": found.recipe, **({"items": [_item_json(each) for each in items]} if texts else {})}
        print_json(_dataset_json(found) | shown)
        return
    print_fields(dict(zip(_HEADINGS, _row(found), strict=True)) | {"hash": found.content_hash[:12]})
    if found.rebuild:
        typer.echo("A text had to be deleted from it, so nothing is trained on it any more: build it again.")
    _print_items(items)


async def _sample(
    settings: Settings, number: int, version: int | None, seed: int | None, *, as_json: bool
) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(settings) as app:
        items = await app.dataset_contents.items((await app.dataset_contents.get(version)).id)
    chosen = random.Random(seed).sample(items, min(number, len(items)))  # noqa: S311
    if as_json:
        print_json([_item_json(each) for each in chosen])
    else:
        _print_items(chosen)


def _print_items(items: "list[Item]") -> None:
    for item in items:
        shown = item.text if item.is_wanted else f"voted down: {item.rejected}"
        typer.echo(f"\n{item.prompt}  [{item.split}, {item.source}]\n{shown}")
        if item.is_wanted and item.rejected is not None:
            typer.echo(f"\nworse: {item.rejected}")


def _row(found: "Dataset") -> tuple[object, ...]:
    train, valid, liked = (found.counts.get(name, 0) for name in ("train", "valid", "description"))
    return found.id, _KINDS[found.kind], train, valid, liked, date_time(found.created_at)


def _dataset_json(found: "Dataset") -> dict[str, Any]:
    """Return a dataset as docs/cli.md describes it."""
    return {
        "version": found.id,
        "kind": _KINDS[found.kind],
        "train": found.counts.get("train", 0),
        "valid": found.counts.get("valid", 0),
        "liked": found.counts.get("description", 0),
        "rebuild": found.rebuild,
        "created_at": iso_time(found.created_at),
        "content_hash": found.content_hash,
    }


def _item_json(item: "Item") -> dict[str, Any]:
    return {
        "split": item.split,
        "prompt": item.prompt,
        "text": item.text,
        "source": item.source,
        "rejected": item.rejected,
    }


async def _build(
    settings: Settings, source: BuildSource, options: dict[str, Any], *, confirmed: bool
) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import confirm, run_if_confirmed  # noqa: PLC0415
    from bot.presentation.builds import build_plan_text  # noqa: PLC0415

    console = Console()
    async with open_app(settings) as app:
        spec = app.planner.spec(source, **options)
        job, estimate = await app.builds.plan(spec)
        plan = plain(build_plan_text(TERMINAL, spec, estimate, await app.budget.remaining_today()))
        console.print(plan, highlight=False, markup=False, soft_wrap=True)
        await run_if_confirmed(confirmed or confirm("Build it?"), app, job, settings, console)


async def _pairs(settings: Settings) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.builds import pairs_text  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(plain(pairs_text(TERMINAL, await app.pairs.freeze())))


async def _thumbs(settings: Settings) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.builds import thumbs_text  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(plain(thumbs_text(TERMINAL, await app.judged_texts.freeze())))


async def _status(settings: Settings, **thresholds: Any) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.datasets import dataset_status_text  # noqa: PLC0415

    async with open_app(settings) as app:
        text = dataset_status_text(TERMINAL, await app.dataset_statuses.status(**thresholds))
    typer.echo(plain(text))


async def _import(settings: Settings, file: Path) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.dataset.lint.own_examples import holds_prompts  # noqa: PLC0415
    from bot.dataset.versions.draft import RECOMMENDED_EXAMPLES  # noqa: PLC0415
    from bot.dataset.versions.freeze import MIN_TRAINING_TEXTS  # noqa: PLC0415

    async with open_app(settings) as app:
        try:
            result = await app.transfer.import_file(file)
        except UserError as error:
            print_error(error)
            if holds_prompts(file, app.heroes):
                other = f"{program()} tune {shlex.quote(str(file))}"
                typer.echo(f"If these are no heroes, train a model of your own on them: {other}", err=True)
            raise typer.Exit(1) from None
    for note in result.notes:
        typer.echo(note)
    counts = result.dataset.counts
    state = "is" if result.new else "was already"
    typer.echo(
        f"{file} {state} dataset v{result.dataset.id}: {counts.get('train', 0)} texts to learn from, "
        f"{counts.get('valid', 0)} kept aside to test the model."
    )
    for reason, count in sorted(result.dropped.items()):
        typer.echo(f"Left out: {count} {reason}.")
    if (training := counts.get("train", 0)) < MIN_TRAINING_TEXTS:
        typer.echo(
            f"The file keeps so many aside that {training} are left to learn from, and a training needs "
            f"{MIN_TRAINING_TEXTS}: add texts and import it again before you train on it."
        )
        return
    if training + counts.get("valid", 0) < RECOMMENDED_EXAMPLES:
        typer.echo(
            f"Fewer than {RECOMMENDED_EXAMPLES} texts teach little: a few hundred at least are better. "
            f"{program()} dataset build --source shipped makes a dataset of those that come with the bot."
        )
    if result.new:
        typer.echo(f"It is the newest dataset now, which {program()} finetune takes if you name no other.")
    typer.echo(f"Next: {program()} finetune --dataset {result.dataset.id}")


async def _export(
    settings: Settings, to: Path, file_format: FileFormat, version: int | None, *, overwrite: bool
) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)

    async with open_app(settings) as app:
        dataset_, written = await app.transfer.export(version, to, file_format, overwrite=overwrite)
    typer.echo(f"Wrote {to}: {written} texts of dataset v{dataset_.id}.")


def _format_of(path: Path) -> FileFormat:
    match path.suffix:
        case ".csv":
            return "csv"
        case ".parquet":
            return "parquet"
        case ".jsonl" | "":
            return "jsonl"
    raise typer.BadParameter(
        f"{path.suffix} is the ending of no format that is written: choose one with --format.",
        param_hint="--format",
    )
