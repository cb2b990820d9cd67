"""What models are called: names of one's own, the bot's for those of heroes, and what is typed for them."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from bot.errors import UserError

if TYPE_CHECKING:  # so that --help is quick
    from openai.types.fine_tuning import FineTuningJob

_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
_LONGEST_NAME = 40
_NAMED_BY_BOT = re.compile(r"herosmith-[0-9a-f]{8}")  # as Training.suffix is, without a name by a person


def model_name(wanted: str) -> str:
    """Return a name with only what a model's name may have: "Küche" is Kuche, and "###" is empty."""
    letters = unicodedata.normalize("NFKD", wanted.replace("ß", "ss"))
    plain = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return _NO_NAME.sub("-", plain).strip("-._")[:_LONGEST_NAME].rstrip("-._")


def short_name(names: Sequence[str], model: str) -> str:
    """Return what to type for a model: the shortest part of its name by which it is found among all names."""
    parts = (*model.split(":")[2:], model)  # ft:BASE:NAME:ID
    return next((part for part in parts if find_model(names, part) == model), model)


def find_model(names: Sequence[str], typed: str) -> str | None:
    """Return the model with a name, else the newest of which it is a part."""
    if typed in names:
        return typed
    return next((name for name in reversed(names) if typed in name.split(":")[2:]), None)


def is_tuned(model: str) -> bool:
    """Return whether a model of the engine was trained from its base."""
    return model.startswith("ft:")


def is_of_heroes(model: str) -> bool:
    """Return whether a tuned model is one of the bot's, which named it itself."""
    return any(map(_NAMED_BY_BOT.fullmatch, model.split(":")[2:]))


def is_deletable(model: str) -> bool:
    """Return whether a person may delete a model: neither the base nor one that the bot keeps."""
    return is_tuned(model) and not is_of_heroes(model)


def require_deletable(model: str) -> None:
    """Raise UserError for the base, and for a model of heroes: the bot would still list it."""
    if not is_tuned(model):
        raise UserError("{model} is the base: it cannot be deleted.", model=model)
    if is_of_heroes(model):
        raise UserError(
            "{model} is a model of heroes, which the bot keeps. {/models retire} takes it out of service.",
            model=model,
        )


def training_name(job: "FineTuningJob") -> str:
    """Return what a person called the model of a training."""
    return str((job.model_extra or {}).get("user_provided_suffix") or job.id)


def described_training(job: "FineTuningJob") -> str:
    """Return a training for a sentence."""
    return "a training of heroes" if trains_heroes(job) else f"the training '{training_name(job)}'"


def find_training(jobs: "Iterable[FineTuningJob]", typed: str) -> "FineTuningJob | None":
    """Return the training of a model with a name, also of one as `tune` was given it."""
    return next((job for job in jobs if training_name(job) in (typed, model_name(typed))), None)


def trains_heroes(job: "FineTuningJob") -> bool:
    """Return whether a training is one of the bot's, which its own jobs follow."""
    return bool(_NAMED_BY_BOT.fullmatch(training_name(job)))
