"""What every terminal command needs: settings, logging, an event loop, and errors printed as sentences."""

import asyncio
import logging
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import typer

from bot.cli.terminal import TERMINAL
from bot.errors import DatabaseBusy, HerosmithError, UserError
from bot.logs import begin_reference, configure_logs
from bot.settings import Settings
from bot.settings_file import load_faulty_settings, load_settings, misspelt_names

log = logging.getLogger(__name__)


def read_settings() -> Settings:
    """Read .env in this folder and the environment. Print mistakes and exit with code 2."""
    try:
        return load_settings(Path(".env"))
    except HerosmithError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def installation_settings(*, begins: bool = False) -> Settings:
    """Return the settings that `run` uses: without a Discord token, with the playground's data folder.

    Print a note if this is perhaps not the installation's folder. begins: the command may begin a new one.
    """
    settings = read_settings()
    if not begins and "data_dir" not in settings.model_fields_set:
        note = foreign_folder_note(Path(".env"), settings.data_dir)
        if note:
            typer.echo(note, err=True)
    return settings if settings.discord_token else settings.within("playground")


def foreign_folder_note(env_file: Path, data_dir: Path) -> str | None:
    """Return what to tell if neither settings nor data are there; None if one of them is."""
    if env_file.exists() or data_dir.exists():
        return None
    return (
        f"There is no .env in {env_file.absolute().parent}, and no data yet in {data_dir.absolute()}, which "
        "this command uses. An installation's commands are run in the folder of its .env."
    )


def examined_settings() -> tuple[Settings, list[str]]:
    """Return the settings that `run` would use, as far as they are valid, and a line for each mistake."""
    settings, mistakes = load_faulty_settings(Path(".env"))
    return settings if settings.discord_token else settings.within("playground"), mistakes


def log_to_stderr(settings: Settings, *, process: str = "bot", quiet: bool = False) -> None:
    """Log to standard error. process: its name in JSON lines.

    quiet: warnings only, unless LOG_LEVEL asks for more.
    """
    chosen = not quiet or "log_level" in settings.model_fields_set
    configure_logs(process, settings.log_level if chosen else "WARNING", settings.log_format)


def warn_of_misspelt_settings() -> None:
    """Log a warning for each name in .env that is no setting, but much like one: it has no effect."""
    for sentence in misspelt_names(Path(".env")):
        log.warning("%s", sentence)


def run_command(main: Coroutine[Any, Any, None], *, endless: bool = False) -> None:
    """Run a command's coroutine.

    Print a HerosmithError as a sentence and exit with code 1. Exit silently on Ctrl-C and SIGTERM, with the
    shells' 130 and 143 for unfinished work; with 0 if the command is endless: to be stopped is its end.
    """
    if not endless:
        begin_reference()
    try:
        asyncio.run(_run_until_sigterm(main))
    except HerosmithError as error:
        print_error(error)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(0 if endless else 128 + signal.SIGINT) from None
    except asyncio.CancelledError:
        raise typer.Exit(0 if endless else 128 + signal.SIGTERM) from None


def print_error(error: HerosmithError) -> None:
    """Print the sentence of an error to standard error, with the commands of the terminal in it."""
    text = TERMINAL(error.message) if isinstance(error, UserError) else str(error)
    if isinstance(error, DatabaseBusy) and error.reason:
        text = f"{text} ({error.reason})"  # no log has it here
    typer.echo(text, err=True)


async def _run_until_sigterm(main: Coroutine[Any, Any, None]) -> None:
    """Cancel the coroutine on SIGTERM, so that it closes everything in order as on Ctrl-C."""
    task = asyncio.ensure_future(main)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
