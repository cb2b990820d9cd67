"""The terminal's `herosmith powers`: powers that train, in addition to those of the heroes file."""

from dataclasses import asdict
from typing import Annotated

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import TERMINAL, print_json
from bot.settings import Settings

powers = CommandGroup("Powers of heroes: which of them the model learns from.")

Power = Annotated[str, typer.Argument(help="The power, in plain words")]


@powers.command("list")
def list_(as_json: Json = False) -> None:
    """List the added powers, and those that people ask for most."""
    run_command(_list(installation_settings(), as_json=as_json))


@powers.command()
def add(power: Power) -> None:
    """Add a power: from now on, texts about it that people like may train the model."""
    run_command(_add(installation_settings(), power))


@powers.command()
def remove(power: Power) -> None:
    """Take a power away that was added."""
    run_command(_remove(installation_settings(), power))


async def _list(settings: Settings, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (to keep --help fast)
    from bot.presentation.datasets import powers_text  # noqa: PLC0415

    async with open_app(settings) as app:
        added, requested = await app.powers.added(), await app.powers.requested()
    if as_json:
        print_json({"added": added, "requested": [asdict(each) for each in requested]})
    else:
        typer.echo(powers_text(TERMINAL, added, requested))


async def _add(settings: Settings, power: str) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(f"{await app.powers.add(power)} is in the vocabulary.")


async def _remove(settings: Settings, power: str) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        typer.echo(f"{await app.powers.remove(power)} is out of the vocabulary.")
