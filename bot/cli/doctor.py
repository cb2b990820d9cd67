"""`herosmith doctor`: examine an installation, whatever state it is in, and change nothing."""

import logging
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.commands import Json
from bot.cli.runtime import examined_settings, run_command
from bot.cli.terminal import TERMINAL, iso_time, plain, print_json, shown
from bot.settings_file import misspelt_names

if TYPE_CHECKING:
    from bot.doctor.finding import Finding
    from bot.doctor.installation import Installation

_ENV_FILE = Path(".env")


def doctor(
    online: Annotated[
        bool,
        typer.Option("--online", help="Ask Discord and the provider's API, too; nothing is changed there"),
    ] = False,
    as_json: Json = False,
) -> None:
    """Examine this installation: settings, database, disk, engine, Discord. Nothing is changed.

    Without --online nothing leaves this machine. It works on broken installations, and prints no secret. Exit
    code 0: nothing is wrong; 1: there are warnings; 2: something failed.
    """
    from bot.doctor.installation import Installation  # noqa: PLC0415 (so that --help is quick)

    logging.getLogger().addHandler(logging.NullHandler())  # what goes wrong is told as a finding
    settings, mistakes = examined_settings()
    installation = Installation(
        settings=settings,
        mistakes=mistakes,
        misspelt=misspelt_names(_ENV_FILE),
        env_file=_ENV_FILE.absolute(),
        online=online,
        now=time.time(),
    )
    run_command(_doctor(installation, as_json=as_json))


async def _doctor(installation: "Installation", *, as_json: bool) -> None:
    from bot.doctor.examination import examine  # noqa: PLC0415
    from bot.doctor.finding import exit_code, worst  # noqa: PLC0415
    from bot.presentation.doctor import examination_lines, summary_text  # noqa: PLC0415

    findings = await examine(installation)
    if as_json:
        state, at = worst(findings), iso_time(installation.now)
        checks = [_json(each) for each in findings]
        print_json({"state": state, "online": installation.online, "at": at, "checks": checks})
    else:
        for line in examination_lines(TERMINAL, findings, shown):
            typer.echo(plain(line))
        typer.echo(f"\n{summary_text(TERMINAL, findings)}")
    if code := exit_code(findings):
        raise typer.Exit(code)


def _json(finding: "Finding") -> dict[str, Any]:
    """Return a finding as docs/cli.md describes it."""
    return {
        "check": finding.check,
        "state": finding.state,
        "cause": plain(TERMINAL(finding.cause)),
        "cure": plain(TERMINAL(finding.cure)) if finding.cure else None,
        "file": str(Path(finding.file).absolute()) if finding.file else None,
    }
