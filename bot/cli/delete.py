"""`herosmith delete`: delete a model of one's own, or end a training that is not finished."""

from typing import TYPE_CHECKING, Annotated

import typer

from bot.cli.commands import Yes
from bot.cli.runtime import installation_settings, run_command
from bot.settings import Settings
from bot.tuning.model_names import find_training, require_deletable

if TYPE_CHECKING:
    from bot.tuning.own_models import OwnModels


def delete(
    name: Annotated[str, typer.Argument(help="A name, as `chat --list` shows it")],
    base: Annotated[
        str | None, typer.Option(help="The base that the model was trained from, as given to `tune --base`")
    ] = None,
    yes: Yes = False,
) -> None:
    """Delete a model that `tune` trained, or end an unfinished training for good. It asks first."""
    run_command(_delete(installation_settings(), name, base, confirmed=yes))


async def _delete(settings: Settings, name: str, base: str | None, *, confirmed: bool) -> None:
    from bot.cli.own_engine import open_engine  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import confirm  # noqa: PLC0415

    async with open_engine(settings, base) as engine:
        if training := find_training(await engine.trainings.unfinished_of_ones_own(), name):
            if confirmed or confirm(
                f"End the training {name} for good? Nothing of it is kept.", default=False
            ):
                await engine.trainings.cancel(training)
                typer.echo(f"The training {name} has ended; nothing of it is kept.")
            else:
                typer.echo("Nothing was done.")
            return
        model = await engine.models.resolve(name, to_delete=True)
        require_deletable(model)
        question = (
            f"Delete the model {name}{await _size_text(engine.models, model)}? It cannot be brought back."
        )
        if confirmed or confirm(question, default=False):
            await engine.models.delete(model)
            typer.echo(f"The model {name} is deleted.")
        else:
            typer.echo("Nothing was done.")


async def _size_text(models: "OwnModels", model: str) -> str:
    size = await models.size(model)
    return "" if size is None else f", which frees {size / 1e6:,.0f} MB"
