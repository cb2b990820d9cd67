"""How all commands of the terminal look: their groups in the help, and the options that many share."""

import errno
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from pydantic import ValidationError
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


_KINDS = {
    "<int>": "NUMBER",
    "<int range>": "NUMBER",
    "<float>": "NUMBER",
    "<float range>": "NUMBER",
    "<str>": "TEXT",
    "<path>": "PATH",
}
_DECIMALS = ("<float>", "<float range>")


def _for_people(parameters: list[Any], ctx: Any) -> list[Any]:
    """Name arguments in capitals, values by plain words, and bounds in the help; flags take no value."""
    for each in parameters:
        if each.param_type_name == "argument":
            each.metavar = each.metavar or each.name.upper()
            each.display_type_rich = _nothing  # its name and its help say what it takes
            continue
        if each.metavar is not None:
            continue
        each.metavar = kind_of(each, ctx)
        if bounds := bounds_of(each):
            each.help = f"{each.help} ({bounds})"
            each._get_number_range_help_str = _nothing  # noqa: SLF001 (typer would add "[1<=x<=10]")
    return parameters


def _nothing(**_options: Any) -> str:
    return ""


def kind_of(option: Any, ctx: Any) -> str:
    """Return what value an option takes: its choices, or the kind in capitals; empty for a flag."""
    if getattr(option, "is_flag", False):
        return ""
    kind = option.display_type(ctx)
    return str(_KINDS.get(kind, kind.strip("<>")))


def bounds_of(parameter: Any) -> str:
    """Return between which bounds a number has to be; empty without any."""
    low, high = getattr(parameter, "min", None), getattr(parameter, "max", None)
    if low is None:
        return ""
    return f"at least {low}" if high is None else f"{low} to {high}"


def _refused_value(parameter: Any, ctx: Any, cause: ValidationError) -> str:
    """Return what is wrong with a value and what to give: typer would print pydantic's words."""
    typed = cause.errors(include_url=False)[0]["input"]
    kind = parameter.display_type(ctx)
    if _KINDS.get(kind) == "NUMBER":
        bounds = bounds_of(parameter)
        number = "number" if kind in _DECIMALS else "whole number"
        return f"{typed} is not possible: give a {number}{', ' if bounds else ''}{bounds}."
    choices = ", ".join(kind.strip("[]<>").split("|"))
    return f"{typed} is not possible: choose one of {choices}."


_INTEGERS = range(-(2**63), 2**63)  # that the database and the engine can hold
_MAY_BE_EMPTY = {"system"}  # to tell a model nothing first


def _fault_of(parameter: Any, value: object, typed: object) -> str:
    """Return why no command can do anything with a value, as a sentence; empty if it may.

    typed: the same before it was read. The empty path and the one to this folder are the same then.
    """
    match value:
        case bool():
            return ""
        case int() if value not in _INTEGERS:
            return f"{value} is not possible: give a number of 18 digits at most."
        case "" if parameter.name not in _MAY_BE_EMPTY:
            return _empty(parameter)
        case Path() if typed == "":
            return _empty(parameter)
        case Path():
            return _fault_of_path(value)
    return ""


def _empty(parameter: Any) -> str:
    choice = "" if parameter.required else ", or leave it out"
    return f"It is empty, perhaps a variable that is not set: give a value{choice}."


def _fault_of_path(path: Path) -> str:
    try:
        path.lstat()
    except OSError as error:
        if error.errno == errno.ENAMETOOLONG:
            return "The path is too long for this computer's disk: give a shorter one."
    return ""


class _Command(TyperCommand):
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        given = list(args)
        try:
            rest = super().parse_args(ctx, args)
        except typer.BadParameter as error:
            if isinstance(error.__cause__, ValidationError):
                error.message = _refused_value(error.param, ctx, error.__cause__)
            raise
        typed, _, _ = self.make_parser(ctx).parse_args(given)
        for parameter in self.get_params(ctx):
            name = parameter.name
            if fault := _fault_of(parameter, ctx.params.get(name), typed.get(name)):
                raise typer.BadParameter(fault, ctx=ctx, param=parameter)
        return rest

    def get_params(self, ctx: Any) -> list[Any]:
        return _for_people(super().get_params(ctx), ctx)

    def collect_usage_pieces(self, ctx: Any) -> list[str]:
        return [re.sub("[{}]", "", piece) for piece in super().collect_usage_pieces(ctx)]


class _Group(TyperGroup):
    def get_params(self, ctx: Any) -> list[Any]:
        return _for_people(super().get_params(ctx), ctx)


class CommandGroup(typer.Typer):
    """Commands of the terminal, or a group of them."""

    def __init__(self, help_text: str, **options: Any) -> None:
        super().__init__(
            help=help_text, no_args_is_help=True, cls=_Group, pretty_exceptions_enable=False, **options
        )

    def command(self, name: str | None = None, **options: Any) -> Callable[[Function], Function]:
        """Return a decorator that adds a command."""
        return super().command(name, **{"cls": _Command, **options})
