"""`herosmith models`: list, compare and promote tuned models."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bot.cli.commands import CommandGroup, Json
from bot.cli.hero import parse_hero
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import (
    TERMINAL,
    date_time,
    iso_time,
    own_models_hint,
    plain,
    print_json,
    print_table,
    program,
)
from bot.i18n.message import LocalizedMessage
from bot.settings import Settings

if TYPE_CHECKING:
    from bot.app import App
    from bot.heroes.hero import Hero
    from bot.i18n.message import LocalizedMessage
    from bot.rating.trial_status import TrialStatus
    from bot.rating.votes import VoteCounts
    from bot.registry.registry import ModelRecord, Registry
    from bot.store.models import Model

models = CommandGroup("Trained models of heroes: list, compare, promote, roll back, retire.")

Number = Annotated[int, typer.Argument(help="The model's number in `models list`")]

_HEADINGS = ("model", "state", "dataset", "loss before", "loss after", "likes", "dislikes", "trained")
_STATES = {
    "live": "live",
    "candidate": "a candidate",
    "retired": "retired",
    "unchecked": "not checked yet",
    "held back": "held back",
}


@models.command("list")
def list_(as_json: Json = False) -> None:
    """List the trained models of heroes, and which is live. `chat --list` shows all models."""
    run_command(_list(installation_settings(), as_json=as_json))


@models.command()
def show(model: Number, as_json: Json = False) -> None:
    """Show all that is known of a model, with its history."""
    run_command(_show(installation_settings(), model, as_json=as_json))


@models.command()
def compare(
    a: Number,
    b: Annotated[
        int | None,
        typer.Argument(help="Another one's; by default the live one, or the base if that is the same"),
    ] = None,
    hero: Annotated[
        str | None, typer.Option(help='A hero such as "40 woman healing"; by default three of the vocabulary')
    ] = None,
    as_json: Json = False,
) -> None:
    """Let two models write the same heroes, and print their texts side by side."""
    run_command(_compare(installation_settings(), a, b, hero, as_json=as_json))


@models.command()
def check(model: Number) -> None:
    """Have a model write some heroes, and hold it back if they are worse than the live model's."""
    run_command(_check(installation_settings(), model))


@models.command()
def promote(
    model: Number,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Also if its check held it back, without a question")
    ] = False,
) -> None:
    """Let a model answer /hero in place of the live one."""
    run_command(_promote(installation_settings(), model, confirmed=yes))


@models.command()
def rollback() -> None:
    """Go back to the model that answered /hero before the live one, or to the base if there was none."""
    run_command(_change(lambda registry: registry.roll_back()))


@models.command()
def retire(model: Number) -> None:
    """Give a candidate up: it is no longer compared with the live model, and never takes its place."""
    run_command(_change(lambda registry: registry.retire(model)))


@models.command()
def deployed(
    model: Number, name: Annotated[str, typer.Argument(help="The deployment's name at the provider")]
) -> None:
    """Tell the bot a model's name at a provider where you deployed it by hand; a new one is checked then."""
    run_command(_deployed(installation_settings(), model, name))


async def _list(settings: Settings, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415 (so that --help is quick)
    from bot.presentation.models import next_step_text, no_model_message  # noqa: PLC0415

    async with open_app(settings) as app:
        found, votes = await app.registry.all(), await app.votes.by_model()
        stages = await app.registry.candidate_stages()
        training = await app.jobs.active("finetune")
    if as_json:
        print_json([_model_json(model, votes[model.name]) for model in found])
    elif found:
        print_table(_HEADINGS, [_row(model, votes[model.name]) for model in found])
        for model in found:
            if step := next_step_text(TERMINAL, model, stages.get(model.id)):
                typer.echo(plain(f"Model {model.id}: {step}"))
    else:
        first = (
            f"There is no model of heroes yet. {program()} dataset build --source shipped makes a dataset, "
            f"in seconds, of the texts that come with the bot; then {program()} finetune trains on it."
        )
        if training:
            first = TERMINAL(no_model_message(training))
        typer.echo(f"{first} {own_models_hint()}")


async def _show(settings: Settings, model_id: int, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.presentation.models import model_page  # noqa: PLC0415

    async with open_app(settings) as app:
        record = await app.registry.record(model_id)
        votes = (await app.votes.by_model())[record.model.name]
        stages, trials = await app.registry.candidate_stages(), await app.trials.of_model(model_id)
    if as_json:
        model = _model_json(record.model, votes)
        print_json(
            model | {"history": _history_json(record), "trials": [_trial_json(each) for each in trials]}
        )
    else:
        typer.echo(plain(model_page(TERMINAL, record, stages.get(model_id), votes, trials)))


def _row(model: "Model", votes: "VoteCounts") -> tuple[object, ...]:
    before, after = model.metrics.get("loss_before"), model.metrics.get("loss_after")
    trained = date_time(model.created_at)
    return model.id, model.state, model.dataset_id, before, after, votes.ups, votes.downs, trained


def _model_json(model: "Model", votes: "VoteCounts") -> dict[str, Any]:
    """Return a model as docs/cli.md describes it."""
    return {
        "id": model.id,
        "name": model.name,
        "base": model.base,
        "state": model.state,
        "dataset": model.dataset_id,
        "job": model.job_id,
        "loss_before": model.metrics.get("loss_before"),
        "loss_after": model.metrics.get("loss_after"),
        "ups": votes.ups,
        "downs": votes.downs,
        "served_as": model.served_as,
        "retires_on": model.retires_on,
        "check": model.verdict.to_json() if model.verdict else None,
        "created_at": iso_time(model.created_at),
    }


def _history_json(record: "ModelRecord") -> list[dict[str, Any]]:
    return [
        {"at": iso_time(event.at), "what": event.what, "replaced": event.replaced_id}
        for event in record.events
    ]


def _trial_json(status: "TrialStatus") -> dict[str, Any]:
    wins, losses = status.tally.wins, status.tally.losses
    return {
        "trial": status.trial.id,
        "candidate": status.candidate.id,
        "live": status.live.id,
        "state": status.trial.state,
        "wins": wins,
        "losses": losses,
        "test": status.trial.test,
        "evidence": status.test.evidence(wins, losses),
        "fragility": status.fragility,
    }


async def _compare(settings: Settings, a: int, b: int | None, hero: str | None, *, as_json: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.engine_start import shared_engine  # noqa: PLC0415

    asked = parse_hero(settings, hero) if hero else None
    async with shared_engine(settings) as reachable, open_app(reachable) as app:
        await _print_comparison(app, a, b, asked, as_json=as_json)


async def _print_comparison(
    app: "App", a: int, b: int | None, asked: "Hero | None", *, as_json: bool
) -> None:
    from bot.llm.budget import Account  # noqa: PLC0415
    from bot.presentation.models import trial_text  # noqa: PLC0415

    first = await app.registry.get(a)
    second = await app.registry.get(b) if b is not None else await app.registry.live()
    opponents = app.comparer.opponents(first, second)
    heroes = [asked] if asked else app.heroes.vocabulary.sample(a)
    compared = await app.comparer.compare(heroes, opponents, Account("hero"))
    if as_json:
        print_json(
            [
                {
                    "hero": each.hero,
                    "texts": [{"by": TERMINAL(side.by), "text": _text(side.text)} for side in each.sides],
                }
                for each in compared
            ]
        )
        return
    for comparison in compared:
        typer.echo(f"\n{comparison.hero}")
        for side in comparison.sides:
            typer.echo(f"\n  {TERMINAL(side.by)}: {_text(side.text)}")
    for trial in await app.trials.between(first.id, second.id) if second else []:
        typer.echo(f"\n{plain(trial_text(TERMINAL, trial))}")


def _text(text: "str | LocalizedMessage") -> str:
    """Return what a model wrote, which is no template, or why it wrote nothing."""
    return text if isinstance(text, str) else TERMINAL(text)


async def _check(settings: Settings, model_id: int) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.engine_start import shared_engine  # noqa: PLC0415

    async with shared_engine(settings) as reachable, open_app(reachable) as app:
        await _print_check(app, model_id)


async def _print_check(app: "App", model_id: int) -> None:
    from rich.console import Console  # noqa: PLC0415

    from bot.cli.progress import show_progress  # noqa: PLC0415
    from bot.presentation.finetune import check_result_text  # noqa: PLC0415

    with show_progress(Console(), f"model {model_id}") as view:

        async def report(done: int, total: int, phase: LocalizedMessage) -> None:
            view.update(done, total, TERMINAL(phase))

        model = await app.finetunes.check(model_id, report)
    stage = (await app.registry.candidate_stages()).get(model.id)
    ahead = await app.registry.count_ahead(model)
    typer.echo(plain(check_result_text(TERMINAL, model, stage, ahead)))
    if model.state == "held back":
        _print_samples(model)


def _print_samples(model: "Model") -> None:
    from bot.presentation.verdicts import sample_lines  # noqa: PLC0415

    for line in sample_lines(TERMINAL, model.verdict) if model.verdict else ():
        typer.echo(f"\n{line}")


async def _promote(settings: Settings, model_id: int, *, confirmed: bool) -> None:
    from bot.app import open_app  # noqa: PLC0415
    from bot.cli.progress import confirm  # noqa: PLC0415
    from bot.presentation.finetune import overrule_text  # noqa: PLC0415
    from bot.registry.registry import NotPassed  # noqa: PLC0415

    async with open_app(settings) as app:
        try:
            model = await app.trials.make_live(model_id, overrule=confirmed)
        except NotPassed as refusal:
            typer.echo(plain(overrule_text(TERMINAL, refusal)))
            _print_samples(refusal.model)
            if not confirm("Make it live anyway?", default=False):
                typer.echo("Nothing was done.")
                return
            model = await app.trials.make_live(model_id, overrule=True)
        _print_state(model)


async def _deployed(settings: Settings, model_id: int, name: str) -> None:
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(settings) as app:
        model = await app.registry.set_served_name(model_id, name)
        if model.state == "unchecked":
            await _print_check(app, model_id)
            return
        _print_state(model)


async def _change(change: "Callable[[Registry], Awaitable[Model | None]]") -> None:
    """Change a model; None means that no tuned model is live any more."""
    from bot.app import open_app  # noqa: PLC0415

    async with open_app(installation_settings()) as app:
        model = await change(app.registry)
    if model:
        _print_state(model)
    else:
        typer.echo(f"The base model answers again. {program()} models promote makes any model live.")


def _print_state(model: "Model") -> None:
    typer.echo(f"Model {model.id} is {_STATES[model.state]}.")
