"""The terminal's `herosmith dataset check`: files of examples, before they become datasets."""

import io
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.dataset.lint.finding import Finding, Kind
from bot.dataset.lint.prepare import Examination, examine, free_path, reminders, write
from bot.dataset.lint.tables import Format, read_table
from bot.errors import HerosmithError, UserError


def check(
    file: Annotated[
        Path, typer.Argument(help="Prompts and completions: .csv .tsv .txt .json .jsonl .xlsx .parquet")
    ],
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Write prompt-completion pairs with separators, not chats")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Answer yes to every question")] = False,
    out: Annotated[
        Path | None, typer.Option(help="The file to write, in place of FILE_prepared.jsonl")
    ] = None,
) -> None:
    """Check a file of examples, and write it anew as JSONL that can be trained on."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not know the letters of a text
    try:
        _check(file, out, wanted=Format.PAIRS if legacy else Format.CHAT, quiet=quiet)
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except typer.Abort:
        typer.echo("\nThe question was not answered, so nothing is written. -q answers yes to all.", err=True)
        raise typer.Exit(1) from None


def _check(source: Path, out: Path | None, *, wanted: Format, quiet: bool) -> None:
    if out and out.exists():
        raise UserError(f"{out} exists already. Give another name.")
    typer.echo(f"Checking {source} ...\n")
    examination = examine(read_table(source), wanted=wanted)
    _print_findings(examination)
    chosen = _choose(examination, quiet=quiet)
    frame = examination.fixed(chosen)
    target = source
    if chosen or examination.of_kind(Kind.NECESSARY):
        target = out or free_path(source)
        if not _yes(f"\nWrite {target}? Proceed [Y/n]:", quiet=quiet):
            typer.echo("Nothing is written.")
            return
        write(frame, target, wanted=wanted)
        typer.echo(f"\nWrote {target}: {len(frame):,} examples as {wanted}.")
    else:
        typer.echo(f"\nNothing changes: {source} can be used as it is.")
    typer.echo(f"Import it with `herosmith dataset import {shlex.quote(str(target))}`, then use /finetune.")
    for reminder in reminders(frame) if wanted is Format.PAIRS else ():
        typer.echo(reminder)


def _print_findings(examination: Examination) -> None:
    """All but the error, which ends the command as its sentence on standard error."""
    shown = (finding for finding in examination.findings if finding.kind is not Kind.ERROR)
    for number, finding in enumerate(shown, start=1):
        typer.echo(f"{number}. {finding.text}")


def _choose(examination: Examination, *, quiet: bool) -> list[Finding]:
    """The optional fixes that are wanted; none is asked about where an error stands."""
    necessary, optional = examination.of_kind(Kind.NECESSARY), examination.of_kind(Kind.OPTIONAL)
    if examination.of_kind(Kind.ERROR) or not necessary + optional:
        return []
    typer.echo("\nThese changes are made:")
    for finding in necessary:
        typer.echo(f"- [Necessary] {finding.action}")
    return [each for each in optional if _yes(f"- [Recommended] {each.action} [Y/n]:", quiet=quiet)]


def _yes(question: str, *, quiet: bool) -> bool:
    """Anything but n is yes."""
    if quiet:
        typer.echo(f"{question} Y")
        return True
    answer: str = typer.prompt(question, default="Y", show_default=False, prompt_suffix=" ")
    return answer.strip().lower() != "n"
