"""What the engine and its OpenVINO process say to each other: one JSON object a line."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel


class Load(BaseModel):
    """Load the model with this number from a GGUF file; answered by `Loaded`."""

    do: Literal["load"] = "load"
    model: int
    gguf: Path
    copy_to: Path
    """Where the copy goes that OpenVINO reads, if it cannot read the file itself."""


class Unload(BaseModel):
    """Free a model. Its completions end as failed."""

    do: Literal["unload"] = "unload"
    model: int


class Settings(BaseModel):
    """How a completion is sampled. eos_token_ids: the tokens that end it, at least one."""

    max_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    seed: int
    eos_token_ids: list[int]


class Generate(BaseModel):
    """Generate a completion of token ids; answered by `Tokens` until one has an end."""

    do: Literal["generate"] = "generate"
    number: int
    model: int
    ids: list[int]
    settings: Settings


class Cancel(BaseModel):
    """End a completion; nothing more is said of it."""

    do: Literal["cancel"] = "cancel"
    number: int


class Loaded(BaseModel):
    """A model is loaded, or could not be: then `failure` says why."""

    model: int
    failure: str | None = None
    is_unusable: bool = False
    """Whether the package itself does not load, so that no model ever will."""


class Tokens(BaseModel):
    """New tokens of a completion, and whether it has ended.

    A completion that is done ends with one of its ending tokens, or has all tokens that it may have.
    """

    number: int
    ids: list[int] = []
    end: Literal["done", "failed"] | None = None
    failure: str | None = None
    """Why it failed."""


class Alive(BaseModel):
    """A step was made that completed no token, as while long prompts are read."""

    alive: Literal[True]
