"""`herosmith finetune`: plan a fine-tuning, confirm it and follow it."""

from typing import Annotated, Any

import typer
from rich.console import Console

from bot.cli.runtime import installation_settings, run_command
from bot.settings import Settings


def finetune(
    dataset: Annotated[
        int | None, typer.Option(help="The dataset's version; the newest where left out")
    ] = None,
    base_model: Annotated[
        str | None, typer.Option(help="The model to begin from, in place of BASE_MODEL")
    ] = None,
    method: Annotated[str | None, typer.Option(help="supervised, or dpo for rated pairs")] = None,
    epochs: Annotated[int | None, typer.Option(help="How often the model sees each text")] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Confirm the plan at once")] = False,
) -> None:
    """Show what a fine-tuning will take, and tune where you confirm.

    Where the bot runs, its worker does the work; where it does not, this command does.
    """
    if method not in (None, "supervised", "dpo"):
        raise typer.BadParameter(f"{method} is no method: choose supervised or dpo.", param_hint="--method")
    options = {"dataset": dataset, "base": base_model, "method": method, "epochs": epochs}
    run_command(_finetune(installation_settings(), options, confirmed=yes))


async def _finetune(settings: Settings, options: dict[str, Any], *, confirmed: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import run_if_confirmed  # noqa: PLC0415
    from bot.i18n.message import ENGLISH  # noqa: PLC0415
    from bot.presentation.models import finetune_plan_text  # noqa: PLC0415

    console = Console()
    async with open_app(settings) as app:
        job, estimate = await app.finetunes.plan(**options)
        plan = finetune_plan_text(ENGLISH, estimate, await app.budget.remaining_today()).replace("**", "")
        console.print(plan, highlight=False, markup=False)
        confirmed = confirmed or typer.confirm("Tune it?", default=True)
        await run_if_confirmed(confirmed, app, job, settings, console)
