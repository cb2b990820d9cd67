"""The terminal's `herosmith powers`: which powers train, beside those of the file."""

from typing import Annotated

import typer

from bot.cli.runtime import installation_settings, run_command
from bot.i18n.message import ENGLISH
from bot.settings import Settings

powers = typer.Typer(help="The vocabulary of powers: which of them train.", no_args_is_help=True)

Power = Annotated[str, typer.Argument(help="The power, in plain words")]


@powers.command("list")
def list_() -> None:
    """List the added powers, and those that people ask for most."""
    run_command(_list(installation_settings()))


@powers.command()
def add(power: Power) -> None:
    """Add a power to the vocabulary: from now on its descriptions may train."""
    run_command(_add(installation_settings(), power))


@powers.command()
def remove(power: Power) -> None:
    """Take an added power out of the vocabulary again."""
    run_command(_remove(installation_settings(), power))


async def _list(settings: Settings) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.datasets import powers_text  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(powers_text(ENGLISH, await app.powers.added(), await app.powers.requested()))


async def _add(settings: Settings, power: str) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(f"{await app.powers.add(power)} is in the vocabulary.")


async def _remove(settings: Settings, power: str) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(f"{await app.powers.remove(power)} is out of the vocabulary.")
