"""`herosmith tune`: train a model on any file of examples, by the engine of this machine."""

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.commands import Json, Yes
from bot.cli.own_training import (
    NAME_RULE,
    TuningOrder,
    chat_command,
    delete_command,
    end_text,
    further_lines,
    plan_text,
    training_json,
)
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import TERMINAL, print_json
from bot.errors import EngineDiskFull, HerosmithError, OutOfReach, UnknownModel, UserError
from bot.settings import Settings
from bot.tuning.model_names import find_model, model_name, short_name, training_name
from bot.tuning.providers import ENGINE

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

    from bot.dataset.lint.own_examples import OwnExamples
    from bot.tuning.own_models import OwnModels
    from bot.tuning.own_trainings import OwnTrainings
    from bot.tuning.remote_api import FineTuningApi, Training

_LINE = re.compile(r"\bline (\d+)\b")
_NO_PROMPTS = (
    "{file} has no prompts: a model would learn to answer by its texts, whatever it is asked. If you want "
    "that, add --plain-text to --yes. Otherwise write a table of prompts and answers: examples/questions.csv "
    "is a sample."
)


def tune(
    file: Annotated[
        Path,
        typer.Argument(
            help="Prompts and completions, chats, or rated pairs: CSV, JSONL, Excel, Parquet and others"
        ),
    ],
    base: Annotated[
        str | None,
        typer.Option(
            help="The model to begin from: one of the engine's, a GGUF file, or a Hugging Face model's folder"
            " or id; by default the engine's base"
        ),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            min=1, max=10, help=f"How often the model reads each example; by default {ENGINE.default_epochs}"
        ),
    ] = None,
    name: Annotated[str | None, typer.Option(help="What to call the model; by default as the file")] = None,
    replace: Annotated[
        bool,
        typer.Option("--replace", help="If a model has that name, delete it once the new one is trained"),
    ] = False,
    plain_text: Annotated[
        bool,
        typer.Option(
            "--plain-text", help="With --yes: learn from texts without prompts too, such as plain text"
        ),
    ] = False,
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Train a model on your own examples: any prompts with the answers to learn. It never answers /hero.

    It needs 10 examples or more. Of a table, the columns prompt and completion are read (or question and
    answer, instruction and output, query and response); for rated pairs prompt, chosen and rejected; for
    rated texts prompt, completion and label (true or false).

    Sample files lie in examples/. Ask the model with `chat`. Ctrl-C pauses a training: the same command goes
    on with it.
    """
    if as_json and not yes:
        raise typer.BadParameter("With --json nothing is asked: confirm with --yes.", param_hint="--json")
    if name is not None and not model_name(name):
        raise typer.BadParameter(
            f"Nothing is left of {name!r}: {NAME_RULE}. Give another one.", param_hint="--name"
        )
    wanted = file.stem if name is None else name
    order = TuningOrder(file, base, epochs, wanted, replace, plain_text, confirmed=yes, as_json=as_json)
    run_command(_tune(installation_settings(), order))


async def _tune(settings: Settings, order: TuningOrder) -> None:
    from bot.cli.own_engine import is_weights, open_engine  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import confirm  # noqa: PLC0415
    from bot.dataset.lint.own_examples import read_own_examples  # noqa: PLC0415
    from bot.heroes.config import read_heroes  # noqa: PLC0415
    from bot.presentation.finetune import planned_weights_text  # noqa: PLC0415
    from bot.tuning.own_trainings import is_training, plan_training  # noqa: PLC0415

    console = Console(stderr=order.as_json)
    examples = read_own_examples(order.file, read_heroes(settings.heroes_file))
    if not examples.has_prompts and order.confirmed and not order.plain_text:
        raise UserError(_NO_PROMPTS, file=str(order.file))
    weights = order.base if is_weights(order.base) else None
    async with open_engine(settings, weights) as engine:
        begun_from = await engine.models.resolve(None if weights else order.base)
        names = await engine.models.names()
        replaced = find_model(names, order.name)
        _refuse_taken_name(order, replaced, names[0], weights)
        examples = await _without_refused(engine.fine_tuning, order.file, examples)
        training = plan_training(
            examples.files, base=begun_from, epochs=order.epochs, name=order.name, method=examples.method
        )
        unfinished = await engine.trainings.unfinished()
        begun = next((job for job in unfinished if is_training(job, training)), None)
        if begun is None:
            _refuse_unfinished_name(order, unfinished)
        planned = planned_weights_text(
            TERMINAL, await engine.fine_tuning.planned_weights(begun_from), serves_adapters=False
        )
        plan = plan_text(
            order,
            examples,
            short_name(names, begun_from),
            planned,
            is_base=not weights and begun_from == names[0],
        )
        _say(console, "\n".join([plan, *further_lines(order, replaced, begun, unfinished)]))
        flags = "--yes" if examples.has_prompts else "--yes --plain-text"
        if not (order.confirmed or confirm("Train it?", flags=flags)):
            _say(console, "Nothing was done.")
            return
        job = await _train(engine.trainings, console, order, examples, training, begun)
        if replaced:
            await _delete_replaced(engine.models, console, replaced)
        losses, names = await engine.trainings.losses(job.id), await engine.models.names()
        if order.as_json:
            print_json(training_json(job, losses, examples))
        else:
            _say(console, end_text(job, losses, weights, short_name(names, str(job.fine_tuned_model))))


async def _without_refused(
    fine_tuning: "FineTuningApi", file: Path, examples: "OwnExamples"
) -> "OwnExamples":
    """Leave out what the engine would refuse the whole file for, once the training has begun.

    Raises UserError if too few are left.
    """
    uncertain = examples.uncertain
    with Console(stderr=True).status("The examples are checked ..."):
        counts = await fine_tuning.token_counts([line.json for line in uncertain], examples.method)
    if counts is None:
        return examples
    faults = {line: error for line, error in zip(uncertain, counts.errors, strict=True) if error is not None}
    too_long = {
        line: f"{tokens:,} tokens"
        for line, tokens in zip(uncertain, counts.tokens, strict=True)
        if tokens is not None and tokens > counts.max_tokens
    }
    examples = examples.without(list(faults), file.name, "that the model cannot learn from", faults=faults)
    return examples.without(
        list(too_long),
        file.name,
        f"of more than {counts.max_tokens:,} tokens (parts of words), which the model cannot read",
        faults=too_long,
        cure=f". {'It is' if len(too_long) == 1 else 'They are'} learnt from if you shorten the texts",
    )


def _refuse_taken_name(order: TuningOrder, taken_by: str | None, base: str, weights: str | None) -> None:
    """Raise UserError if another model has the name, unless the person wants it replaced.

    Otherwise `chat NAME`, perhaps in a script, would ask another model from then on, unnoticed.
    """
    if taken_by == base:
        raise UserError(
            "{name} is the base's name. Give the new model another one with --name.", name=order.name
        )
    if taken_by and not order.replaces:
        raise UserError(
            "There is a model {name} already. Give the new one another name with --name; or add --replace, "
            "and the old one is deleted once the new one is trained. To talk to it: {chat}",
            name=order.name,
            chat=chat_command(order.name, weights),
        )


def _refuse_unfinished_name(order: TuningOrder, unfinished: "Sequence[FineTuningJob]") -> None:
    """Raise UserError if an unfinished training of something else has the name: one of heroes never has."""
    if any(training_name(job) == order.name for job in unfinished):
        raise UserError(
            "A training '{name}', of other examples or with other options, is not finished. Start it again "
            "as before to go on with it, end it with {delete}, or give the new model another --name.",
            name=order.name,
            delete=delete_command(order.name),
        )


async def _delete_replaced(models: "OwnModels", console: Console, replaced: str) -> None:
    """Delete the model whose name the new one has. If that is not possible, say so: the new one is there."""
    try:
        await models.delete(replaced)
    except UnknownModel:
        pass  # somebody else has deleted it meanwhile
    except HerosmithError as error:
        _say(console, str(error))


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


async def _train(
    trainings: "OwnTrainings",
    console: Console,
    order: TuningOrder,
    examples: "OwnExamples",
    training: "Training",
    begun: "FineTuningJob | None",
) -> "FineTuningJob":
    """Train, or go on with what was begun, and show the progress. An interrupted training is paused."""
    try:
        ids = {} if begun else await trainings.upload(examples.files)
        start = asyncio.ensure_future(_return(begun) if begun else trainings.start(training, ids))
        try:
            return await _follow(trainings, console, order, start)
        except asyncio.CancelledError:
            await _stop(trainings, console, order, start)
            raise
    except EngineDiskFull as error:
        raise UserError(
            "The engine's disk is full. Free some space where its data lies (DATA_DIR), then start the same "
            "again: {command}",
            command=order.command,
        ) from error
    except OutOfReach as error:
        raise UserError(
            "The engine does not answer. Start the same again later: {command}", command=order.command
        ) from error
    except UserError as error:
        raise UserError("{reason}", reason=_with_file_numbers(str(error), order.file, examples)) from error


async def _follow(
    trainings: "OwnTrainings",
    console: Console,
    order: TuningOrder,
    start: "asyncio.Future[FineTuningJob]",
) -> "FineTuningJob":
    from bot.cli.progress import show_progress  # noqa: PLC0415 (so that --help is quick)

    job = await asyncio.shield(start)
    with show_progress(console, f"training {order.name}") as view:
        return await trainings.follow(
            job.id, lambda done, total, phase: view.update(done, total, TERMINAL(phase))
        )


async def _stop(
    trainings: "OwnTrainings",
    console: Console,
    order: TuningOrder,
    start: "asyncio.Future[FineTuningJob]",
) -> None:
    """Pause a training, with which the engine would go on without us; a second Ctrl-C does not wait."""
    try:
        await _pause(trainings, console, order, (await start).id)
    except asyncio.CancelledError:
        _say(console, f"Not waited for: what was saved last is kept.\n{_how_to_go_on(order)}")


async def _return(job: "FineTuningJob") -> "FineTuningJob":
    return job


async def _pause(trainings: "OwnTrainings", console: Console, order: TuningOrder, job_id: str) -> None:
    _say(console, "Pausing the training: what is learnt is being saved ...")
    if await trainings.pause(job_id):
        _say(
            console,
            f"The training is paused. {_how_to_go_on(order)}",
        )
    else:
        _say(console, f"The training could not be paused. To end it: {delete_command(order.name)}")


def _how_to_go_on(order: TuningOrder) -> str:
    return f"To go on with it: {order.command}\nTo end it for good: {delete_command(order.name)}"


def _with_file_numbers(reason: str, file: Path, examples: "OwnExamples") -> str:
    """Name examples by their places in the person's file: the engine counts the lines that it got."""
    lines = examples.valid if "validation" in reason else examples.train

    def place(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        return f"example {lines[index].number} of {file}" if index < len(lines) else found[0]

    return _LINE.sub(place, reason)
