"""How all commands of the terminal look: their groups in the help, and the options that many share."""

from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer
from typer.core import TyperCommand, TyperGroup

Function = TypeVar("Function", bound=Callable[..., Any])

# the groups of the help, in the order of a first use
START = "Start"
HEROES = "Heroes"
IMPROVE = "Improve the model"
OWN_DATA = "Your own data"
OPERATE = "Operate"

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for other programs")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Confirm the plan at once")]


def _without_types_of_flags(parameters: list[Any]) -> list[Any]:
    """Leave out the type of flags in the help: they take no value."""
    for each in parameters:
        if getattr(each, "is_flag", False):
            each.metavar = ""
    return parameters


class _Command(TyperCommand):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _without_types_of_flags(super().get_params(ctx))


class CommandGroup(typer.Typer):
    """Commands of the terminal, or a group of them."""

    def __init__(self, help_text: str, **options: Any) -> None:
        super().__init__(
            help=help_text, no_args_is_help=True, cls=_Group, pretty_exceptions_enable=False, **options
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Return a decorator that adds a command."""
        return super().command(name, **{"cls": _Command, **options})
