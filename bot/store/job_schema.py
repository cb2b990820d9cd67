"""What a job's row holds as JSON: its spec (what was ordered) and its result, typed by the kind of job.

Keys that a model does not know are ignored, and what is missing or does not fit has a default, so
rows of older versions parse.
"""

import logging
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict, get_args

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, ValidationError

from bot.i18n.message import LocalizedMessage
from bot.store.datasets import Changes

log = logging.getLogger(__name__)

Kind = Literal["build", "finetune"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Method = Literal["supervised", "dpo"]
BuildSource = Literal["model", "model-only", "shipped"]
Fault = Literal["fit", "fit below live", "rules below live", "loss above live"]


def _message(value: Any) -> LocalizedMessage:
    return value if isinstance(value, LocalizedMessage) else LocalizedMessage.from_json(value)


def _text(value: Any) -> str | LocalizedMessage:
    return value if isinstance(value, str) else _message(value)


def _to_json(value: str | LocalizedMessage) -> Any:
    return value if isinstance(value, str) else value.to_json()


Message = Annotated[LocalizedMessage, PlainValidator(_message), PlainSerializer(LocalizedMessage.to_json)]
TextOrMessage = Annotated[str | LocalizedMessage, PlainValidator(_text), PlainSerializer(_to_json)]


class _Json(BaseModel):
    """A frozen object of a row's JSON."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a row's JSON. A field that does not fit its type is logged and takes its default.

        One damaged row must not keep all others from being listed, claimed or shown.
        """
        try:
            return cls.model_validate(value)
        except ValidationError as error:
            log.warning("a job's row does not fit %s: %s", cls.__name__, error)
            if not isinstance(value, dict):
                return cls()
            misfits = {fault["loc"][0] for fault in error.errors() if fault["loc"]}
            return cls.model_validate({name: each for name, each in value.items() if name not in misfits})

    def to_json(self) -> dict[str, Any]:
        """Return the fields that were set, as JSON: a row that was read is written as it was."""
        return self.model_dump(mode="json", exclude_unset=True)


class BuildSpec(_Json):
    """What a build was ordered to do.

    small tells whether the author model is asked with the profile for small models, batch whether the
    provider's Batch API is used. budget is in US dollars. limit and budget None: no limit. source "model"
    lets a model write, "model-only" without the texts of the first dataset that people wrote; "shipped" takes
    the first dataset, and asks no model. hand_written tells whether those texts of people are in; None: not
    decided yet, which is as in the newest build.
    """

    kind: ClassVar[Kind] = "build"

    repeats: int = 1
    limit: int | None = None
    model: str = ""
    small: bool = False
    budget: float | None = None
    batch: bool = False
    source: BuildSource = "model"
    hand_written: bool | None = None

    @property
    def recipe(self) -> dict[str, Any]:
        """What a dataset notes of how it was made: of the shipped texts, nothing about a model."""
        shipped = {"source", "hand_written"} if self.source == "shipped" else None
        return self.model_dump(include=shipped)


class FinetuneSpec(_Json):
    """What a fine-tuning was ordered to do.

    epochs None: the server chooses. tokens estimates how many it trains in all, check_cost what the check of
    the new model costs, in US dollars: the budget reserves for both.
    """

    kind: ClassVar[Kind] = "finetune"

    dataset: int = 0
    base: str = ""
    epochs: int | None = None
    method: Method = "supervised"
    tokens: int = 0
    check_cost: float = 0.0


class VoteSummary(_Json):
    """What the votes did to a dataset: how many descriptions they admitted and kept out, and why.

    unfit counts liked descriptions that may not train, by reason.
    """

    liked: int = 0
    voted_down: int = 0
    unfit: dict[str, int] = {}
    not_counted: list[Message] = []


class BuildResult(_Json):
    """How a build ended: the dataset's version, whether it is new, and the build's counts.

    counts has the texts by split and source; asked, calls and cached count answers and calls of this build,
    lost those in flight when a worker died; rejected and dropped are by reason; cost is in US dollars; files
    are named within the data folder.
    """

    kind: ClassVar[Kind] = "build"

    source: BuildSource = "model"
    dataset: int = 0
    new: bool = False
    counts: dict[str, int] = {}
    asked: int = 0
    calls: int = 0
    cached: int = 0
    lost: int = 0
    given_up: int = 0
    rejected: dict[str, int] = {}
    dropped: dict[str, int] = {}
    changes: Changes | None = None
    votes: VoteSummary = VoteSummary()
    cost: float = 0.0
    files: list[str] = []


class HeldOutLoss(TypedDict, total=False):
    """The held-out loss before and after a training, in nats a token, as far as it was measured."""

    loss_before: float
    loss_after: float


class ComparisonSide(_Json):
    """One model's text of a hero. A message in its place says why there is none."""

    by: Message
    text: TextOrMessage


class Comparison(_Json):
    """One hero, written by each model in turn."""

    hero: str
    sides: list[ComparisonSide]


class ModelFigures(_Json):
    """One model's figures: of so many texts, how many were fit to train and how many kept all rules at once.

    loss is in nats a token on the reference texts, whose digest is reference; None if it was not measured.
    """

    texts: int = 0
    fit: int = 0
    all_rules: int = 0
    loss: float | None = None
    reference: str | None = None

    @property
    def fit_share(self) -> float:
        return self.fit / max(1, self.texts)

    @property
    def all_rules_share(self) -> float:
        return self.all_rules / max(1, self.texts)


class CheckedText(_Json):
    """One of the texts that were read, and why curation would not let it train (None: it would)."""

    hero: str = ""
    text: str = ""
    reason: str | None = None


class Verdict(_Json):
    """A new model's figures beside those of the model that was live, and the rules that it broke.

    live_id and live are None if no tuned model was live.
    """

    new: ModelFigures = ModelFigures()
    live: ModelFigures | None = None
    live_id: int | None = None
    faults: list[Fault] = []
    samples: list[CheckedText] = []

    @property
    def passed(self) -> bool:
        return not self.faults


class FinetuneResult(_Json):
    """How a fine-tuning ended: the model's number, name and state, its losses, and what it wrote.

    seconds count from the job's start; start_seconds lie before the first step, training_seconds are those of
    all steps, reading_seconds those of the `read` texts of the check; None if unknown. deploy is what an
    operator must do before the model can answer. verdict is what the check found, unchecked why it was broken
    off. live is the model that was live before, ahead the number of candidates whose turn comes first. Files
    are named within the data folder.
    """

    kind: ClassVar[Kind] = "finetune"

    model: int = 0
    name: str = ""
    state: str = "candidate"
    dataset: int = 0
    trained_tokens: int = 0
    seconds: float = 0.0
    start_seconds: float | None = None
    training_seconds: float | None = None
    reading_seconds: float | None = None
    read: int = 0
    deploy: Message | None = None
    verdict: Verdict | None = None
    unchecked: Message | None = None
    live: int | None = None
    ahead: int = 0
    loss_before: float | None = None
    loss_after: float | None = None
    heroes: list[Comparison] = []
    files: list[str] = []


JobSpec = BuildSpec | FinetuneSpec
JobResult = BuildResult | FinetuneResult

SPECS: dict[Kind, type[JobSpec]] = {"build": BuildSpec, "finetune": FinetuneSpec}
RESULTS: dict[Kind, type[JobResult]] = {"build": BuildResult, "finetune": FinetuneResult}
