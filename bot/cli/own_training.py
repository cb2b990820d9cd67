"""What a person asks of `herosmith tune`, and what it says of the training: its plan and its end."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from bot.cli.terminal import program
from bot.i18n.format import format_duration
from bot.tuning.model_names import model_name, training_name, trains_heroes
from bot.tuning.providers import ENGINE

if TYPE_CHECKING:
    from openai.types.fine_tuning import FineTuningJob

    from bot.dataset.lint.own_examples import OwnExamples
    from bot.store.job_schema import Method
    from bot.tuning.losses import Losses

_CHARACTERS_PER_TOKEN = 4  # of English, roughly
NAME_RULE = "a name has only English letters, digits, points, _ and -, 40 at most"
_UNTRAINED = (
    "Rated texts refine a model that can already answer such prompts, and {base} has not been trained. "
    "Better train it on prompts and answers first, then on the rated ones, with that model's name as --base."
)
_METHODS: "dict[Method, str]" = {
    "supervised": "",
    "dpo": " by preference (dpo)",
    "kto": " by what is wanted and what is not (kto)",
}

_NONE_KEPT_ASIDE = (
    "All examples are learnt, because 10 have to be, and examples with the same prompt are never split up. "
    "So nothing is left to test the model with. Add examples with other prompts if you want a test."
)


@dataclass(frozen=True, slots=True)
class TuningOrder:
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
        return model_name(self.wanted_name) or "own"

    @property
    def command(self) -> str:
        """Return what to type to go on with it."""
        options = {"--base": self.base, "--epochs": self.epochs, "--name": self.name}
        given = [f"{name} {shlex.quote(str(value))}" for name, value in options.items() if value is not None]
        flags = {"--replace": self.replaces, "--plain-text": self.plain_text}
        given += [flag for flag, is_given in flags.items() if is_given]
        return " ".join([program(), "tune", shlex.quote(str(self.file)), *given])


def further_lines(
    order: TuningOrder,
    replaced: str | None,
    begun: "FineTuningJob | None",
    unfinished: "Sequence[FineTuningJob]",
) -> "Iterator[str]":
    """Yield what a plan says of the model's name, and of trainings that go on before this one.

    unfinished: all of them, in the order in which the engine takes them.
    """
    rule = f": {NAME_RULE}" if order.name != order.wanted_name else ""
    yield f"The model will be called {order.name}{rule}."
    if replaced:
        yield f"The model {order.name} that there is now is deleted once the new one is trained."
    if begun:
        yield "This training was begun before: it goes on from what was saved last."
    ahead = takewhile(lambda job: begun is None or job.id != begun.id, unfinished)
    going_on = [job for job in ahead if str(job.status) != "paused"]
    if any(map(trains_heroes, going_on)):
        yield (
            "A training of heroes goes on first; the time above is without it. How far it is: "
            f"{program()} jobs list"
        )
    for job in going_on:
        if not trains_heroes(job):
            name = training_name(job)
            yield f"An earlier training, '{name}', goes on first. To end it: {delete_command(name)}"


def delete_command(name: str) -> str:
    return f"{program()} delete {shlex.quote(name)}"


def chat_command(name: str, weights: str | None) -> str:
    """Return what to type to talk to a model that was trained from weights, None for the engine's base."""
    base = ["--base", shlex.quote(weights)] if weights else []
    return " ".join([program(), "chat", shlex.quote(name), *base])


def plan_text(order: TuningOrder, examples: "OwnExamples", base: str, weights: str, *, is_base: bool) -> str:
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
    by_votes = examples.method != "supervised"
    how = _METHODS[examples.method]
    if not examples.has_prompts:
        how = ", each text an example without a prompt"
    to_learn = f"{len(examples.train):,} examples to learn from"
    number_aside = f"{len(examples.valid):,}" if examples.valid else "none"
    kept_aside = f"{number_aside} kept aside to test the model"
    return "\n".join(
        [
            *findings,
            *changes,
            f"Training {base} on {order.file}{how}: {to_learn}, {kept_aside}.",
            *([] if examples.valid else [_NONE_KEPT_ASIDE]),
            *([_UNTRAINED.format(base=base)] if by_votes and is_base else []),
            weights,
            f"About {tokens:,} tokens (parts of words), read {_times(rounds)}.",
            "Cost: nothing, it is trained on this machine.",
            f"Time: about {format_duration(seconds)} with the packaged base on two cores; others differ.",
        ]
    )


def _times(number: int) -> str:
    return {1: "once", 2: "twice"}.get(number, f"{number} times")


def end_text(job: "FineTuningJob", found: "Losses", weights: str | None, name: str) -> str:
    """Return how a training ended, and what to do next; name is what to type for the model."""
    lines, losses = [f"The model {name} is trained and kept."], found.held_out
    if after := losses.get("loss_after"):
        before = losses.get("loss_before")
        was = f"{before:.3f} -> " if before else ""
        lines.append(
            "Loss on the examples kept aside (how badly the model guesses them; less is better): "
            f"{was}{after:.3f}."
        )
    if kept := found.kept:
        lines.append(
            f"It was lowest after round {kept.kept_epoch} of {kept.epochs}, so the model is the one of then."
        )
    base = ["--base", shlex.quote(weights)] if weights else []
    return "\n".join(
        [
            *lines,
            f"To talk to it: {chat_command(name, weights)}",
            f"To ask it from a program: {' '.join([program(), 'serve', *base])}",
            f"Its name there: {job.fine_tuned_model}",
        ]
    )


def training_json(job: "FineTuningJob", found: "Losses", examples: "OwnExamples") -> dict[str, object]:
    """Return a training as docs/cli.md describes it."""
    losses, kept = found.held_out, found.kept
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
        "kept_epoch": kept.kept_epoch if kept else None,
    }
