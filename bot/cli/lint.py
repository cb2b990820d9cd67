"""The terminal's `herosmith dataset check`: lint files of examples before they become datasets."""

import io
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from bot.dataset.lint.finding import Finding, Severity
from bot.dataset.lint.linter import LintReport, lint
from bot.dataset.lint.prepared_file import default_output_path, usage_reminders, write_prepared_file
from bot.dataset.lint.table import read_table
from bot.dataset.reading.opening import open_source
from bot.dataset.reading.source import Format
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
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not support every character
    try:
        _check(file, out, target=Format.PAIRS if legacy else Format.CHAT, quiet=quiet)
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    except typer.Abort:
        typer.echo("\nThe question was not answered, so nothing is written. -q answers yes to all.", err=True)
        raise typer.Exit(1) from None


def _check(source: Path, out: Path | None, *, target: Format, quiet: bool) -> None:
    if out and out.exists():
        raise UserError(f"{out} exists already. Give another name.")
    typer.echo(f"Checking {source} ...\n")
    report = lint(read_table(open_source(source)), target=target)
    _print_findings(report)
    accepted = _ask_for_fixes(report, quiet=quiet)
    frame = report.apply_fixes(accepted)
    prepared = source
    if accepted or report.with_severity(Severity.NECESSARY):
        prepared = out or default_output_path(source)
        if not _confirm(f"\nWrite {prepared}? Proceed [Y/n]:", quiet=quiet):
            typer.echo("Nothing is written.")
            return
        write_prepared_file(frame, prepared, target=target)
        typer.echo(f"\nWrote {prepared}: {len(frame):,} examples as {target}.")
    else:
        typer.echo(f"\nNothing changes: {source} can be used as it is.")
    typer.echo(f"Import it with `herosmith dataset import {shlex.quote(str(prepared))}`, then use /finetune.")
    for reminder in usage_reminders(frame) if target is Format.PAIRS else ():
        typer.echo(reminder)


def _print_findings(report: LintReport) -> None:
    """Print all findings but the error, which is printed to standard error at the end."""
    shown = (finding for finding in report.findings if finding.severity is not Severity.ERROR)
    for number, finding in enumerate(shown, start=1):
        typer.echo(f"{number}. {finding.message}")


def _ask_for_fixes(report: LintReport, *, quiet: bool) -> list[Finding]:
    """Ask about each optional fix and return the accepted ones. Ask nothing if there is an error."""
    necessary, optional = report.with_severity(Severity.NECESSARY), report.with_severity(Severity.OPTIONAL)
    if report.with_severity(Severity.ERROR) or not necessary + optional:
        return []
    typer.echo("\nThese changes are made:")
    for finding in necessary:
        typer.echo(f"- [Necessary] {finding.action}")
    return [
        finding for finding in optional if _confirm(f"- [Recommended] {finding.action} [Y/n]:", quiet=quiet)
    ]


def _confirm(question: str, *, quiet: bool) -> bool:
    """Return whether the answer is anything but n."""
    if quiet:
        typer.echo(f"{question} Y")
        return True
    answer: str = typer.prompt(question, default="Y", show_default=False, prompt_suffix=" ")
    return answer.strip().lower() != "n"
