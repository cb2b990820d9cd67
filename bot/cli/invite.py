"""`herosmith invite`: print the link by which a server's admin adds the bot."""

from typing import Annotated

import typer

from bot.cli.runtime import read_settings
from bot.cli.terminal import program
from bot.errors import OperatorError


def invite(
    application: Annotated[
        int | None,
        typer.Option(min=1, help="The application's id in the developer portal; else DISCORD_TOKEN tells it"),
    ] = None,
) -> None:
    """Print the link by which a server's admin adds the bot, with the permissions that it needs."""
    from bot.connection.invite import application_id_of, invite_url, permission_names  # noqa: PLC0415

    try:
        url = invite_url(application or application_id_of(_token()))
    except OperatorError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo(f"It asks for: {', '.join(permission_names())}.", err=True)
    typer.echo("Open this in a browser:", err=True)
    typer.echo(url)


def _token() -> str:
    token = read_settings().discord_token
    if token is None:
        raise OperatorError(
            "DISCORD_TOKEN is not set. Put the bot's token into .env, or give the application's id: "
            f"{program()} invite --application ID"
        )
    return token.get_secret_value()
