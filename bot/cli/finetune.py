"""`herosmith finetune`: plan a fine-tuning, confirm it and follow it."""

from typing import Annotated, Any

import typer
from rich.console import Console

from bot.cli.commands import Yes
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import TERMINAL, plain
from bot.settings import Settings
from bot.store.job_schema import Method


def finetune(
    dataset: Annotated[int | None, typer.Option(help="The dataset's version; by default the newest")] = None,
    base_model: Annotated[
        str | None, typer.Option(help="The model to begin from, in place of BASE_MODEL")
    ] = None,
    method: Annotated[
        Method | None,
        typer.Option(
            help="supervised: from texts; dpo: from pairs that people rated; kto: from texts that they liked "
            "or voted down"
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, max=10, help="How often the model reads each text")
    ] = None,
    yes: Yes = False,
) -> None:
    """Train a model of heroes on a dataset: show the plan, and train if you confirm it.

    If the bot runs, its worker does the work; otherwise this command does.
    """
    options = {"dataset": dataset, "base": base_model, "method": method, "epochs": epochs}
    run_command(_finetune(installation_settings(), options, confirmed=yes))


async def _finetune(settings: Settings, options: dict[str, Any], *, confirmed: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.engine_start import shared_engine  # noqa: PLC0415
    from bot.cli.progress import confirm, run_if_confirmed  # noqa: PLC0415
    from bot.presentation.finetune import finetune_plan_text  # noqa: PLC0415

    console = Console()
    async with shared_engine(settings) as reachable, open_app(reachable) as app:
        job, estimate = await app.finetunes.plan(**options)
        plan = plain(finetune_plan_text(TERMINAL, estimate, await app.budget.remaining_today()))
        console.print(plan, highlight=False, markup=False, soft_wrap=True)
        # not those with an engine's address: if it ends with the bot, the command starts one of its own
        await run_if_confirmed(confirmed or confirm("Train it?"), app, job, settings, console)
