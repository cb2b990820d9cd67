"""`herosmith languages`: begin a catalogue; how much of each is translated, and what is missing."""

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

languages = CommandGroup("Languages: begin one, and see how much of each is translated.")


@languages.command("list")
def list_(as_json: Json = False) -> None:
    """List the languages, and how many of their texts are not translated."""
    run_command(_list(read_settings(), as_json=as_json))


@languages.command("missing")
def missing_(
    language: Annotated[str, typer.Argument(help="The language's code: its file's name without .po")],
    as_json: Json = False,
) -> None:
    """List the texts that a language lacks; the bot says them in English."""
    run_command(_missing(read_settings(), language, as_json=as_json))


@languages.command("new")
def new_(
    language: Annotated[str, typer.Argument(help="The language's code, such as it or pt-BR")],
) -> None:
    """Begin a language: write a file with all texts, to translate as many of them as you like."""
    run_command(_new(read_settings(), language))


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


async def _new(settings: Settings, language: str) -> None:
    from babel.messages.pofile import write_po  # noqa: PLC0415

    from bot.dataset.files.base import atomic_write  # noqa: PLC0415
    from bot.i18n.missing import empty_catalogue, header  # noqa: PLC0415

    texts = await _texts(settings)
    try:
        catalogue = empty_catalogue(language, texts)
    except ValueError as error:
        raise OperatorError(f"No catalogue can be made for {language!r}: {error}") from error
    file = settings.languages_dir / f"{language}.po"
    if file.exists():
        raise OperatorError(f"{file} is there already: go on with it.")
    with atomic_write(file, overwrite=False) as temporary, temporary.open("wb") as written:
        written.write(header(catalogue).encode())
        write_po(written, catalogue, width=0, omit_header=True)
    typer.echo(f"Wrote {file} with {len(texts)} texts. What you leave empty is said in English.")


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
