"""`herosmith tune`: tune a model on any file of examples, by the engine of this machine."""

import asyncio
import re
import shlex
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

_CHARACTERS_PER_TOKEN = 4  # of English, roughly
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40
_LINE = re.compile(r"\bline (\d+)\b")


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
    yes: Yes = False,
    as_json: Json = False,
) -> None:
    """Tune a model on your own examples: any prompts with the answers to learn. It never answers /hero.

    Sample files lie in examples/. Ask the model with `chat`.
    """
    if as_json and not yes:
        raise typer.BadParameter("With --json nothing is asked: confirm with --yes.", param_hint="--json")
    named = _NO_NAME.sub("-", name or file.stem).strip("-._")[:_LONGEST_NAME] or "own"
    run_command(_tune(installation_settings(), file, base, epochs, named, confirmed=yes, as_json=as_json))


async def _tune(
    settings: Settings,
    file: Path,
    base: str | None,
    epochs: int | None,
    name: str,
    *,
    confirmed: bool,
    as_json: bool,
) -> None:
    from bot.cli.own_engine import is_weights, own_models  # noqa: PLC0415 (so that --help is quick)
    from bot.cli.progress import confirm  # noqa: PLC0415
    from bot.dataset.lint.own_examples import read_own_examples  # noqa: PLC0415
    from bot.heroes.config import read_heroes  # noqa: PLC0415
    from bot.presentation.finetune import planned_weights_text  # noqa: PLC0415

    console = Console(stderr=as_json)
    examples = read_own_examples(file, read_heroes(settings.heroes_file))
    weights = base if is_weights(base) else None
    async with own_models(settings, weights) as models:
        begun_from = await models.resolve(None if weights else base)
        planned = planned_weights_text(
            TERMINAL, await models.planned_weights(begun_from), serves_adapters=False
        )
        _say(console, _plan_text(file, examples, begun_from, epochs, planned))
        if not (confirmed or confirm("Tune it?")):
            _say(console, "Nothing was done.")
            return
        job = await _train(models, console, file, examples, begun_from, epochs, name)
        losses = await models.losses(job.id)
    if as_json:
        print_json(_json(job, losses, examples))
    else:
        _say(console, _end_text(job, losses, weights))


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, soft_wrap=True)


def _plan_text(file: Path, examples: "OwnExamples", base: str, epochs: int | None, weights: str) -> str:
    """Return what was found in the file, and what a training on it takes; weights says what it changes."""
    findings = [f"{number}. {note}" for number, note in enumerate(examples.notes, 1)]
    changes = [f"- {change}" for change in examples.changes]
    if changes:
        changes = ["For the training, these changes are made; the file stays as it is:", *changes]
    tokens = examples.characters // _CHARACTERS_PER_TOKEN
    rounds = epochs or ENGINE.default_epochs
    seconds = ENGINE.typical_start + tokens * rounds / (ENGINE.typical_speed or 1)
    how = " by preference (dpo)" if examples.method == "dpo" else ""
    counts = f"{len(examples.train):,} examples to learn from, {len(examples.valid):,} held out to measure"
    return "\n".join(
        [
            *findings,
            *changes,
            f"Tuning {base} on {file}{how}: {counts}.",
            weights,
            f"About {tokens:,} tokens, read {_times(rounds)}. Cost: nothing, it is trained on this machine.",
            f"Time: about {format_duration(seconds)} with the packaged base on two cores; others differ.",
        ]
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


async def _train(
    models: "OwnModels",
    console: Console,
    file: Path,
    examples: "OwnExamples",
    base: str,
    epochs: int | None,
    name: str,
) -> "FineTuningJob":
    """Train and show the progress. A training that is interrupted is stopped at the engine as well."""
    from bot.cli.progress import show_progress  # noqa: PLC0415

    start = asyncio.ensure_future(
        models.start(examples.files, base=base, epochs=epochs, name=name, method=examples.method)
    )
    try:
        job = await asyncio.shield(start)
        with show_progress(console, f"tuning {name}") as view:
            return await models.follow(
                job.id, lambda done, total, phase: view.update(done, total, TERMINAL(phase))
            )
    except UserError as error:
        raise UserError("{reason}", reason=_with_file_numbers(str(error), file, examples)) from error
    except asyncio.CancelledError:
        await models.cancel((await start).id)  # the engine would go on without us
        _say(console, "The training was stopped; nothing of it is kept.")
        raise


def _with_file_numbers(reason: str, file: Path, examples: "OwnExamples") -> str:
    """Name examples by their places in the person's file: the engine counts the lines that it got."""
    lines = examples.valid if "validation" in reason else examples.train

    def place(found: re.Match[str]) -> str:
        index = int(found[1]) - 1
        return f"example {lines[index].number} of {file}" if index < len(lines) else found[0]

    return _LINE.sub(place, reason)


def _end_text(job: "FineTuningJob", losses: "HeldOutLoss", weights: str | None) -> str:
    """Return how a training ended, and what to do next."""
    lines = [f"{job.fine_tuned_model} is trained and kept."]
    if after := losses.get("loss_after"):
        before = losses.get("loss_before")
        was = f"{before:.3f} -> " if before else ""
        lines.append(f"Loss on the examples held out (less is better): {was}{after:.3f}.")
    chat = [program(), "chat", shlex.quote(str(job.fine_tuned_model))]
    if weights:
        chat += ["--base", shlex.quote(weights)]
    return "\n".join([*lines, f"Next: {' '.join(chat)}"])


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
