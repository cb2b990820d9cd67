"""The terminal's `herosmith people`: who asks most, and whom the bot does not answer."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import TERMINAL, iso_time, plain, print_json
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.community.people import ListedPerson, People

people = CommandGroup("People who ask for heroes, by pseudonym: who asks most, and who may not ask.")

Person = Annotated[str, typer.Argument(help="A short name of `people heaviest`, or a Discord user id")]


@people.command()
def heaviest(
    days: Annotated[int, typer.Option(min=1, max=30, help="How many days are counted")] = 1,
    as_json: Json = False,
) -> None:
    """List who asks for most heroes, and who is blocked."""
    run_command(_heaviest(installation_settings(), days, as_json=as_json))


@people.command()
def block(person: Person, as_json: Json = False) -> None:
    """Let somebody ask for no more heroes; what they vote still counts."""
    run_command(_change(installation_settings(), "block", person, as_json=as_json))


@people.command()
def unblock(person: Person, as_json: Json = False) -> None:
    """Let somebody ask for heroes again."""
    run_command(_change(installation_settings(), "unblock", person, as_json=as_json))


@people.command()
def reset(person: Person, as_json: Json = False) -> None:
    """Count somebody's heroes of today from zero again."""
    run_command(_change(installation_settings(), "reset", person, as_json=as_json))


async def _heaviest(settings: Settings, days: int, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (to keep --help fast)
    from bot.presentation.people import blocked_text, heaviest_text  # noqa: PLC0415

    async with open_app(settings) as app:
        found, blocked = await app.people.heaviest(days), await app.people.blocked()
    if as_json:
        print_json({"heaviest": [*map(_json, found)], "blocked": [*map(_json, blocked)]})
    else:
        typer.echo(plain(f"{heaviest_text(TERMINAL, found, days)}\n{blocked_text(TERMINAL, blocked)}"))


def _json(person: "ListedPerson") -> dict[str, Any]:
    return {
        "person": person.person,
        "short": person.short,
        "heroes": person.heroes,
        "blocked_at": iso_time(person.blocked_at),
    }


async def _change(settings: Settings, change: str, typed: str, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        person = await app.people.find(typed)
        changed = await _changed(app.people, change, person)
        short = await app.people.short(person)
    if as_json:
        print_json({"person": person, "changed": changed})
    else:
        done, not_done = _SENTENCES[change]
        typer.echo((done if changed else not_done).format(person=short))


async def _changed(people: "People", change: str, person: str) -> bool:
    """Carry out a change. Return whether it changed anything."""
    if change == "block":
        return await people.block(person)
    if change == "unblock":
        return await people.unblock(person)
    await people.reset_quota(person)
    return True


_SENTENCES = {
    "block": (
        "{person} can ask for no more heroes. A running bot knows within half a minute.",
        "{person} is blocked already.",
    ),
    "unblock": (
        "{person} can ask for heroes again. A running bot knows within half a minute.",
        "{person} is not blocked.",
    ),
    "reset": (
        "The heroes of {person} are counted from zero again. A running bot knows within half a minute.",
        "",
    ),
}
