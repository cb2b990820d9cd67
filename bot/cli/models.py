"""`herosmith models`: list, compare and promote tuned models."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.runtime import installation_settings, run_command
from bot.i18n.message import ENGLISH
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.app import App
    from bot.registry.registry import Registry
    from bot.store.models import Model

models = typer.Typer(help="Tuned models: list, compare, promote, roll back, retire.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The model's number in `herosmith models list`")]


@models.command("list")
def list_() -> None:
    """List the tuned models of the installation that `run` starts here."""
    run_command(_list(installation_settings()))


@models.command()
def show(model: Number) -> None:
    """Show all that is known of a model, its history among it."""
    run_command(_show(installation_settings(), model))


@models.command()
def compare(
    a: Number,
    b: Annotated[
        int | None,
        typer.Argument(help="Another one's; the live one where left out, or the base where that is the same"),
    ] = None,
    hero: Annotated[
        str | None, typer.Option(help="As in /hero; three of the vocabulary where left out")
    ] = None,
) -> None:
    """Let two models write the same heroes. An engine is started where none runs."""
    run_command(_compare(installation_settings(), a, b, hero))


@models.command()
def promote(model: Number) -> None:
    """Let a model serve in place of the live one."""
    run_command(_change(lambda registry: registry.promote(model)))


@models.command()
def rollback() -> None:
    """Let the model serve again whose place the live one took."""
    run_command(_change(lambda registry: registry.roll_back()))


@models.command()
def retire(model: Number) -> None:
    """Take a candidate out of the running."""
    run_command(_change(lambda registry: registry.retire(model)))


@models.command()
def deployed(
    model: Number, name: Annotated[str, typer.Argument(help="The deployment's name at the provider")]
) -> None:
    """Tell by which name a model can be asked, after it was deployed by hand."""
    run_command(_change(lambda registry: registry.set_served_name(model, name)))


async def _list(settings: Settings) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.models import model_line  # noqa: PLC0415

    async with open_app(settings) as app:
        votes, challenger = await app.votes.by_model(), await app.registry.challenger()
        trial = await app.trials.status()
        for model in await app.registry.all():
            typer.echo(_strip_markdown(model_line(ENGLISH, model, challenger, votes[model.name], trial)))


async def _show(settings: Settings, model_id: int) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.presentation.models import model_page  # noqa: PLC0415

    async with open_app(settings) as app:
        entry = await app.registry.record(model_id)
        votes = (await app.votes.by_model())[entry.model.name]
        trials = await app.trials.of_model(model_id)
        typer.echo(
            _strip_markdown(model_page(ENGLISH, entry, await app.registry.challenger(), votes, trials))
        )


async def _compare(settings: Settings, a: int, b: int | None, hero: str | None) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.processes import run_engine  # noqa: PLC0415

    async with run_engine(settings) as reachable, open_app(reachable) as app:
        await _print_comparison(app, a, b, hero)


async def _print_comparison(app: "App", a: int, b: int | None, hero: str | None) -> None:
    from bot.llm.budget import Account  # noqa: PLC0415
    from bot.presentation.models import trial_text  # noqa: PLC0415

    first = await app.registry.get(a)
    second = await app.registry.get(b) if b is not None else await app.registry.live()
    opponents = app.comparer.opponents(first, second)
    heroes = [app.heroes.vocabulary.parse(hero)] if hero else app.heroes.vocabulary.sample(a)
    for comparison in await app.comparer.compare(heroes, opponents, Account("hero")):
        typer.echo(f"\n{comparison.hero}")
        for side in comparison.sides:
            typer.echo(f"\n  {side.by}: {side.text}")
    for trial in await app.trials.between(first.id, second.id) if second else []:
        typer.echo(f"\n{_strip_markdown(trial_text(ENGLISH, trial))}")


async def _change(change: "Callable[[Registry], Awaitable[Model]]") -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(installation_settings()) as app:
        model = await change(app.registry)
        typer.echo(f"Model {model.id}, {model.name}: {model.state}.")


def _strip_markdown(text: str) -> str:
    return text.replace("**", "").replace("-# ", "   ").replace("`", "")
