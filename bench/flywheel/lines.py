"""The lines of models that are compared: what each generation learns from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from bench.common.errors import BenchError
from bot.store.job_schema import BuildSpec, Method


@dataclass(frozen=True, slots=True)
class Line:
    """How a line of models learns.

    votes: who votes: readers with a hidden taste, members who throw a coin, or nobody. build: options of
    /build-dataset besides those of all lines. method: of /finetune.
    """

    votes: Literal["readers", "coin", "nobody"] = "readers"
    build: Mapping[str, Any] | None = None
    method: str = "supervised"

    @property
    def has_taste(self) -> bool:
        """Whether its models depend on the hidden taste."""
        return self.votes == "readers"


LINES = {
    "votes": Line(),
    "none": Line(votes="nobody"),
    "random": Line(votes="coin"),
    "ranked": Line(build={"ranked": True}),
    "dpo": Line(method="dpo"),
    "kto": Line(method="kto"),
}
DEFAULT_LINES = ("votes", "none", "random", "ranked")


def check(names: Sequence[str]) -> None:
    """Raise BenchError if this version of the bot cannot train one of the lines."""
    for name in names:
        line = LINES[name]
        unknown = [option for option in line.build or {} if option not in BuildSpec.model_fields]
        if unknown:
            raise BenchError(f"The line {name} needs the option {unknown[0]} of /build-dataset.")
        if line.method not in get_args(Method):
            raise BenchError(f"The line {name} needs the method {line.method} of /finetune.")
