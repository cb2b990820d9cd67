"""`herosmith tune`: train a model on any file of examples, by the engine of this machine."""

import asyncio
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bot.cli.commands import Json, Yes
from bot.cli.runtime import installation_settings, run_command
from bot.cli.terminal import TERMINAL, print_json, program
from bot.errors import UserError
from bot.i18n.format import format_duration
from bot.settings import Settings
from bot.tuning.providers import ENGINE

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

    from bot.dataset.lint.own_examples import OwnExamples
    from bot.store.job_schema import HeldOutLoss
    from bot.tuning.own_models import OwnModels
    from bot.tuning.remote_api import Training

_CHARACTERS_PER_TOKEN = 4  # of English, roughly
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40
_LINE = re.compile(r"\bline (\d+)\b")
_NO_PROMPTS = (
    "{file} has no prompts: a model would learn to answer by its texts, whatever it is asked. If you want "
    "that, add --plain-text to --yes. Otherwise write a table of prompts and answers: examples/questions.csv "
    "is a sample."
)
_UNTRAINED = (
    "Rated pairs refine a model that can already answer such prompts, and {base} has not been trained. "
    "Better train it on prompts and answers first, then on the pairs, with that model's name as --base."
)


@dataclass(frozen=True, slots=True)
class _Order:
    """What a person asked for; base is as typed, and replaces lets the model take a name from another."""

    file: Path
    base: str | None
    epochs: int | None
    wanted_name: str
    replaces: bool
    plain_text: bool
    confirmed: bool
    as_json: bool

    @property
    def name(self) -> str:
        """Return the wanted name with only what a model's name may have."""
        return _NO_NAME.sub("-", self.wanted_name).strip("-._")[:_LONGEST_NAME].rstrip("-._") or "own"

    @property
    def command(self) -> str:
        """Return what to type to go on with it."""
        options = {"--base": self.base, "--epochs": self.epochs, "--name": self.name}
        given = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
        replace = ["--replace"] if self.replaces else []
        return " ".join([program(), "tune", shlex.quote(str(self.file)), *given, *replace])


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
        int | None, typer.Option(min=1, max=10, help="How often the model reads each example")
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

    Sample files lie in examples/. Ask the model with `chat`. Ctrl-C pauses a training: the same command goes
    on with it.
    """
    if as_json and not yes:
        raise typer.BadParameter("With --json nothing is asked: confirm with --yes.", param_hint="--json")
    wanted = file.stem if name is None else name
    order = _Order(file, base, epochs, wanted, replace, plain_text, confirmed=yes, as_json=as_json)
    run_command(_tune(installation_settings(), order))


async def _tune(settings: Settings, order: _Order) -> None:
    from bot.cli.own_engine import is_weights, own_models  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import confirm  # noqa: PLC0415
    from bot.dataset.lint.own_examples import read_own_examples  # noqa: PLC0415
    from bot.heroes.config import read_heroes  # noqa: PLC0415
    from bot.presentation.finetune import planned_weights_text  # noqa: PLC0415
    from bot.tuning.own_models import find_model, is_training, plan_training, short_name  # noqa: PLC0415

    console = Console(stderr=order.as_json)
    examples = read_own_examples(order.file, read_heroes(settings.heroes_file))
    if not examples.has_prompts and order.confirmed and not order.plain_text:
        raise UserError(_NO_PROMPTS, file=str(order.file))
    weights = order.base if is_weights(order.base) else None
    async with own_models(settings, weights) as models:
        begun_from = await models.resolve(None if weights else order.base)
        names = await models.names()
        replaced = find_model(names, order.name)
        _refuse_taken_name(order, replaced, names[0])
        examples = await _without_too_long(models, order.file, examples)
        training = plan_training(
            examples.files, base=begun_from, epochs=order.epochs, name=order.name, method=examples.method
        )
        unfinished = await models.unfinished_of_ones_own()
        begun = next((job for job in unfinished if is_training(job, training)), None)
        if begun is None:
            _refuse_unfinished_name(order, unfinished)
        planned = planned_weights_text(
            TERMINAL, await models.planned_weights(begun_from), serves_adapters=False
        )
        plan = _plan_text(
            order,
            examples,
            short_name(names, begun_from),
            planned,
            is_base=not weights and begun_from == names[0],
        )
        _say(console, "\n".join([plan, *_further_lines(order, replaced, begun, unfinished)]))
        if not (order.confirmed or confirm("Train it?")):
            _say(console, "Nothing was done.")
            return
        job = await _train(models, console, order, examples, training, begun)
        if replaced:
            await models.delete(replaced)
        losses, names = await models.losses(job.id), await models.names()
    if order.as_json:
        print_json(_json(job, losses, examples))
    else:
        _say(console, _end_text(job, losses, weights, short_name(names, str(job.fine_tuned_model))))


async def _without_too_long(models: "OwnModels", file: Path, examples: "OwnExamples") -> "OwnExamples":
    """Leave out what the model cannot read at once: the engine would refuse the whole file.

    Raises UserError if too few are left.
    """
    suspects = examples.long_lines
    counts = await models.token_counts([line.json for line in suspects]) if suspects else None
    if counts is None:
        return examples
    too_long = [
        line
        for line, tokens in zip(suspects, counts.tokens, strict=True)
        if tokens is not None and tokens > counts.max_tokens
    ]
    return examples.without(
        too_long, file.name, f"of more than {counts.max_tokens:,} tokens, which the model cannot read"
    )


def _refuse_taken_name(order: _Order, taken_by: str | None, base: str) -> None:
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
            chat=f"{program()} chat {shlex.quote(order.name)}",
        )


def _refuse_unfinished_name(order: _Order, unfinished: "Sequence[FineTuningJob]") -> None:
    """Raise UserError if an unfinished training of something else has the name."""
    from bot.tuning.own_models import training_name  # noqa: PLC0415 (so that --help is quick)

    if any(training_name(job) == order.name for job in unfinished):
        raise UserError(
            "A training '{name}', of other examples or with other options, is not finished. Start it again "
            "as before to go on with it, end it with {delete}, or give the new model another --name.",
            name=order.name,
            delete=_delete_command(order.name),
        )


def _further_lines(
    order: _Order,
    replaced: str | None,
    begun: "FineTuningJob | None",
    unfinished: "Sequence[FineTuningJob]",
) -> "Iterator[str]":
    """Yield what a plan says of the model's name, and of trainings that are not finished."""
    from bot.tuning.own_models import training_name  # noqa: PLC0415 (so that --help is quick)

    rule = (
        ": a name has only English letters, digits, points, _ and -"
        if order.name != order.wanted_name
        else ""
    )
    yield f"The model will be called {order.name}{rule}."
    if replaced:
        yield f"The model {order.name} that there is now is deleted once the new one is trained."
    if begun:
        yield "This training was begun before: it goes on from what was saved last."
    for job in unfinished:
        name = training_name(job)
        if begun is None and str(job.status) != "paused":
            yield f"An earlier training, '{name}', goes on first. To end it: {_delete_command(name)}"


def _delete_command(name: str) -> str:
    return f"{program()} delete {shlex.quote(name)}"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _plan_text(order: _Order, examples: "OwnExamples", base: str, weights: str, *, is_base: bool) -> str:
    """Return what was found in the file, and what a training on it takes.

    weights says what it changes; is_base, that it begins from a model which was not trained yet.
    """
    findings = [f"{number}. {note}" for number, note in enumerate(examples.notes, 1)]
    changes = [f"- {change}" for change in examples.changes]
    if changes:
        changes = ["For the training, these changes are made; the file stays as it is:", *changes]
    tokens = examples.characters // _CHARACTERS_PER_TOKEN
    rounds = order.epochs or ENGINE.default_epochs
    seconds = ENGINE.typical_start + tokens * rounds / (ENGINE.typical_speed or 1)
    by_preference = examples.method == "dpo"
    how = " by preference (dpo)" if by_preference else ""
    if not examples.has_prompts:
        how = ", each text an example without a prompt"
    to_learn = f"{len(examples.train):,} examples to learn from"
    kept_aside = f"{len(examples.valid):,} kept aside to test the model"
    return "\n".join(
        [
            *findings,
            *changes,
            f"Training {base} on {order.file}{how}: {to_learn}, {kept_aside}.",
            *([_UNTRAINED.format(base=base)] if by_preference and is_base else []),
            weights,
            f"About {tokens:,} tokens (parts of words), read {_times(rounds)}.",
            "Cost: nothing, it is trained on this machine.",
            f"Time: about {format_duration(seconds)} with the packaged base on two cores; others differ.",
        ]
    )


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


async def _train(
    models: "OwnModels",
    console: Console,
    order: _Order,
    examples: "OwnExamples",
    training: "Training",
    begun: "FineTuningJob | None",
) -> "FineTuningJob":
    """Train, or go on with what was begun, and show the progress. An interrupted training is paused."""
    from bot.cli.progress import show_progress  # noqa: PLC0415

    start = asyncio.ensure_future(_return(begun) if begun else models.start(training, examples.files))
    try:
        job = await asyncio.shield(start)
        with show_progress(console, f"training {order.name}") as view:
            return await models.follow(
                job.id, lambda done, total, phase: view.update(done, total, TERMINAL(phase))
            )
    except UserError as error:
        raise UserError("{reason}", reason=_with_file_numbers(str(error), order.file, examples)) from error
    except asyncio.CancelledError:
        await _pause(models, console, order, (await start).id)  # the engine would go on without us
        raise


async def _return(job: "FineTuningJob") -> "FineTuningJob":
    return job


async def _pause(models: "OwnModels", console: Console, order: _Order, job_id: str) -> None:
    _say(console, "Pausing the training: what is learnt is being saved ...")
    if await models.pause(job_id):
        _say(
            console,
            f"The training is paused. To go on with it: {order.command}\n"
            f"To end it for good: {_delete_command(order.name)}",
        )
    else:
        _say(console, f"The training could not be paused. To end it: {_delete_command(order.name)}")


def _with_file_numbers(reason: str, file: Path, examples: "OwnExamples") -> str:
    """Name examples by their places in the person's file: the engine counts the lines that it got."""
    lines = examples.valid if "validation" in reason else examples.train

    def place(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        return f"example {lines[index].number} of {file}" if index < len(lines) else found[0]

    return _LINE.sub(place, reason)


def _end_text(job: "FineTuningJob", losses: "HeldOutLoss", weights: str | None, name: str) -> str:
    """Return how a training ended, and what to do next; name is what to type for the model."""
    lines = [f"The model {name} is trained and kept."]
    if after := losses.get("loss_after"):
        before = losses.get("loss_before")
        was = f"{before:.3f} -> " if before else ""
        lines.append(
            "Loss on the examples kept aside (how badly the model guesses them; less is better): "
            f"{was}{after:.3f}."
        )
    base = ["--base", shlex.quote(weights)] if weights else []
    return "\n".join(
        [
            *lines,
            f"To talk to it: {' '.join([program(), 'chat', shlex.quote(name), *base])}",
            f"To ask it from a program: {' '.join([program(), 'serve', *base])}",
            f"Its name there: {job.fine_tuned_model}",
        ]
    )


def _json(job: "FineTuningJob", losses: "HeldOutLoss", examples: "OwnExamples") -> dict[str, object]:
    """Return a training as docs/cli.md describes it."""
    return {
        "model": job.fine_tuned_model,
        "base": job.model,
        "job": job.id,
        "method": examples.method,
        "train": len(examples.train),
        "valid": len(examples.valid),
        "trained_tokens": job.trained_tokens,
        "loss_before": losses.get("loss_before"),
        "loss_after": losses.get("loss_after"),
    }
