"""What `herosmith dataset check` says and asks: the findings in a file, and which of its changes to make."""

import io
import sys
from pathlib import Path

import typer

from bot.cli.runtime import print_error, read_settings
from bot.cli.terminal import program
from bot.dataset.lint.examples import read_examples
from bot.dataset.lint.finding import Finding, Severity
from bot.dataset.lint.linter import LintReport, applied, lint
from bot.dataset.lint.own_examples import holds_labelled_chats, only_tune_reads
from bot.dataset.lint.prepared_file import (
    check_output_path,
    default_output_path,
    usage_reminders,
    write_prepared_file,
)
from bot.dataset.lint.recommendation import CheckedFile, recommend, shell_argument
from bot.dataset.reading.source import Format
from bot.errors import HerosmithError, UserError
from bot.heroes.blocklist import Blocklist
from bot.heroes.config import HeroesConfig, read_heroes


def check_file(file: Path, out: Path | None, *, legacy: bool, confirmed: bool, overwrite: bool) -> None:
    """Print what is wrong with a file, and write it anew once a person agrees."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # a terminal may not support every character
    settings = read_settings()
    try:
        config = read_heroes(settings.heroes_file)
        target = Format.PAIRS if legacy else Format.CHAT
        blocklist = Blocklist(settings.blocklist, config.vocabulary.powers)
        _check(file, out, config, blocklist, target=target, confirmed=confirmed, overwrite=overwrite)
    except HerosmithError as error:
        print_error(error)
        raise typer.Exit(1) from None
    except typer.Abort:
        typer.echo(
            "\nThe question was not answered, so nothing is written. --yes answers yes to all.", err=True
        )
        raise typer.Exit(1) from None


def _check(
    source: Path,
    out: Path | None,
    config: HeroesConfig,
    blocklist: Blocklist,
    *,
    target: Format,
    confirmed: bool,
    overwrite: bool,
) -> None:
    if out:
        check_output_path(out, source, overwrite=overwrite)
    typer.echo(f"Checking {source} ...\n")
    if holds_labelled_chats(source):  # they would be read as chats, without their labels
        raise _for_tune(source)
    try:
        examples = read_examples(source, config, blocklist)
    except UserError:
        if not only_tune_reads(source):
            raise
        raise _for_tune(source) from None
    report = lint(examples, target=target)
    _print_findings(report)
    accepted = _ask_for_fixes(report, confirmed=confirmed)
    frame = report.apply_fixes(accepted)
    prepared = source
    if accepted or report.with_severity(Severity.NECESSARY):
        prepared = out or default_output_path(source)
        if not _confirm(f"\nWrite {prepared}? Proceed [Y/n]:", confirmed=confirmed):
            typer.echo("Nothing is written.")
            return
        write_prepared_file(frame, prepared, target=target, overwrite=overwrite and out is not None)
        typer.echo(f"\nWrote {prepared}: {len(frame):,} examples as {target}.")
    else:
        typer.echo(f"\nNothing changes: {source} can be used as it is.")
    checked = CheckedFile(examples, source, frame, prepared, target)
    for sentence in recommend(checked, config, program=program()):
        typer.echo(sentence)
    for reminder in usage_reminders(frame) if target is Format.PAIRS else ():
        typer.echo(reminder)


def _for_tune(source: Path) -> UserError:
    return UserError(
        "These are rated texts or pairs, or conversations of several turns, which are not checked here: "
        "{tune} reads them.",
        tune=f"`{program()} tune {shell_argument(source)}`",
    )


def _print_findings(report: LintReport) -> None:
    """Print all findings but the error, which is printed to standard error at the end."""
    shown = (finding for finding in report.findings if finding.severity is not Severity.ERROR)
    for number, finding in enumerate(shown, start=1):
        typer.echo(f"{number}. {finding.message}")


def _ask_for_fixes(report: LintReport, *, confirmed: bool) -> list[Finding]:
    """Ask about each optional fix and return the accepted ones. Ask nothing if there is an error."""
    necessary, optional = report.with_severity(Severity.NECESSARY), report.with_severity(Severity.OPTIONAL)
    if report.with_severity(Severity.ERROR) or not necessary + optional:
        return []
    asked = "; without --yes, each recommended one is a question, and n leaves it out"
    typer.echo(f"\nThese changes are made{asked if confirmed and optional else ''}:")
    for finding in necessary:
        typer.echo(f"- [Necessary] {finding.change}")
    accepted, frame = [], report.frame
    for finding in optional:
        shown, fixed = applied(finding, frame)  # after those that are accepted already
        if _confirm(f"- [Recommended] {shown.change} [Y/n]:", confirmed=confirmed):
            accepted.append(finding)
            frame = fixed
    return accepted


def _confirm(question: str, *, confirmed: bool) -> bool:
    """Return whether the answer is anything but n."""
    if confirmed:
        typer.echo(f"{question} Y")
        return True
    answer: str = typer.prompt(question, default="Y", show_default=False, prompt_suffix=" ")
    return answer.strip().lower() != "n"
