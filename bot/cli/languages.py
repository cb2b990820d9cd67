"""`herosmith languages`: how much of each catalogue is translated, and what is missing."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import read_settings, run_command
from bot.cli.terminal import print_json, print_table
from bot.errors import OperatorError, message_errors
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.i18n.missing import Texts

languages = CommandGroup("Languages: how much of each is translated, and what is missing.")


@languages.command("list")
def list_(as_json: Json = False) -> None:
    """List the languages, and how many of their texts are not translated."""
    run_command(_list(read_settings(), as_json=as_json))


@languages.command("missing")
def missing_(
    language: Annotated[str, typer.Argument(help="The language's code: its file's name without .po")],
    as_json: Json = False,
) -> None:
    """List what a catalogue does not translate; the bot says it in English."""
    run_command(_missing(read_settings(), language, as_json=as_json))


async def _list(settings: Settings, *, as_json: bool) -> None:
    from bot.i18n.missing import missing, read_catalogue  # noqa: PLC0415 (so that --help is quick)

    texts = await _texts(settings)
    lacking = {
        file.stem: len(missing(read_catalogue(file), texts))
        for file in sorted(settings.languages_dir.glob("*.po"))
    }
    if as_json:
        rows = [{"language": code, "texts": len(texts), "missing": n} for code, n in lacking.items()]
        print_json(rows)
    else:
        print_table(("language", "texts", "missing"), [(code, len(texts), n) for code, n in lacking.items()])


async def _missing(settings: Settings, language: str, *, as_json: bool) -> None:
    from bot.i18n.missing import missing, read_catalogue  # noqa: PLC0415

    catalogue = read_catalogue(_file(settings.languages_dir, language))
    texts = await _texts(settings)
    lacking = missing(catalogue, texts)
    if as_json:
        print_json([entry._asdict() for entry in lacking])
        return
    for place, text in lacking:
        typer.echo(f"{place}: {text}")
    typer.echo(f"{len(lacking)} of {len(texts)} texts are missing.", err=True)


def _file(folder: Path, language: str) -> Path:
    file = folder / f"{language}.po"
    if not file.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.po"))) or "none"
        raise OperatorError(f"There is no {file.name} in {folder}, only: {known}.")
    return file


async def _texts(settings: Settings) -> "Texts":
    """Return what a catalogue must translate: messages in the source, and the texts of all commands."""
    from bot.cli.offline import offline_bot  # noqa: PLC0415
    from bot.i18n.extraction import extract_messages  # noqa: PLC0415
    from bot.i18n.missing import Texts  # noqa: PLC0415

    async with offline_bot(settings) as bot:
        names, descriptions = bot.command_texts()
    return Texts(extract_messages(message_errors()), names, descriptions)
