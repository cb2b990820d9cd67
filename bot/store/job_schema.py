"""The JSON in a job's row, typed by the kind of job: its spec (what was ordered) and its result.

Rows of older versions parse: an unknown key is ignored, and a field that is missing or does not fit has its
default. Amounts of money are in US dollars, losses in nats a token; less is better.
"""

import logging
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal, Self, TypedDict, get_args

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, ValidationError

from bot.i18n.message import LocalizedMessage

log = logging.getLogger(__name__)

Kind = Literal["build", "finetune"]
KINDS: tuple[Kind, ...] = get_args(Kind)
Method = Literal["supervised", "dpo", "kto"]
BuildSource = Literal["model", "model-only", "shipped"]
Fault = Literal["fit", "fit below live", "rules below live", "loss above live", "best texts below live"]


def _message(value: Any) -> LocalizedMessage:
    """Read a message from JSON; one that was read already stays as it is."""
    return value if isinstance(value, LocalizedMessage) else LocalizedMessage.from_json(value)


def _text(value: Any) -> str | LocalizedMessage:
    """Read a message, or a text that is never translated, from JSON."""
    return value if isinstance(value, str) else _message(value)


def _to_json(value: str | LocalizedMessage) -> Any:
    return value if isinstance(value, str) else value.to_json()


Message = Annotated[LocalizedMessage, PlainValidator(_message), PlainSerializer(LocalizedMessage.to_json)]
TextOrMessage = Annotated[str | LocalizedMessage, PlainValidator(_text), PlainSerializer(_to_json)]


@dataclass(frozen=True, slots=True)
class Changes:
    """The difference between a version and an earlier one, as counts of texts by source."""

    since: int
    added: dict[str, int]
    gone: dict[str, int]


class _Json(BaseModel):
    """The base class of the objects in a row's JSON: immutable, and lenient about what it reads."""

    model_config = ConfigDict(frozen=True, protected_namespaces=())

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a row's JSON. What does not fit is logged and takes its default.

        So one damaged row does not keep all others from being listed, claimed or shown. Raises
        ValidationError only for a class that has fields without defaults, which no spec or result is.
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
        """Return the fields that were set, as JSON: what was read is written as it was, without defaults."""
        return self.model_dump(mode="json", exclude_unset=True)


class BuildSpec(_Json):
    """What a build was ordered to do.

    repeats: how many examples are written of each hero. limit: the most examples in all; None: no limit.
    model: the author model, by its name at the server. small: it is asked with the profile for small models.
    budget: the most that the build may cost, in US dollars; None: no limit. batch: it is asked through the
    provider's Batch API.

    source: "model" lets the model write; "model-only" does so too, and leaves out the texts of the first
    dataset that people wrote; "shipped" takes the first dataset, and asks no model. hand_written: whether
    those texts of people are in; None: not decided yet, and then as in the newest build. seed: of all
    that a build draws by lot; no command sets it, so that each build finds what was asked before. ranked:
    whether the live model writes texts besides, of which the ranker takes the best. language: the code of
    the language of the words in pictures, such as "de". server: as in FinetuneSpec.
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
    seed: int = 0
    ranked: bool = False
    language: str = "en"
    server: str = ""

    @property
    def lanes(self) -> frozenset[str]:
        """What no two builds may use at the same time.

        Two builds of one author model would pay for the same answers. So would two that have the live model
        write.
        """
        author = "the first dataset" if self.source == "shipped" else f"model {self.model}"
        return frozenset({author, "the ranker"} if self.ranked else {author})

    @property
    def asks_model(self) -> bool:
        """Whether the job needs a model server."""
        return self.source != "shipped" or self.ranked

    @property
    def recipe(self) -> dict[str, Any]:
        """What a dataset notes of how it was made: of the shipped texts, nothing about a model.

        What the ranker did is noted once it is known.
        """
        shipped = {"source", "hand_written"} if self.source == "shipped" else None
        return self.model_dump(include=shipped, exclude={"language", "ranked", "server"})


class FinetuneSpec(_Json):
    """What a fine-tuning was ordered to do.

    dataset: the dataset's version. base: the model to start from, by its name at the server that trains.
    epochs: rounds through all texts; None: the server chooses. tokens: an estimate of the tokens that it
    trains in all rounds. check_cost: an estimate of what the check of the new model costs, in US dollars. The
    budget reserves for both. check_seconds: an estimate of how long that check takes; None if unknown.
    language: the code of the language of the words in files, such as "de".

    server: the model server that works for the job, as bot/tuning/providers.py names it: only workers that
    use it take the job. Empty in a job of an older version, which any worker takes.
    """

    kind: ClassVar[Kind] = "finetune"
    asks_model: ClassVar[bool] = True

    dataset: int = 0
    base: str = ""
    epochs: int | None = None
    method: Method = "supervised"
    tokens: int = 0
    check_cost: float = 0.0
    check_seconds: float | None = None
    language: str = "en"
    server: str = ""

    @property
    def lanes(self) -> frozenset[str]:
        """What no two trainings may use at the same time: a server trains one after the other."""
        return frozenset({f"server {self.server}"})


class VoteSummary(_Json):
    """What the votes did to a dataset.

    liked: descriptions with enough votes in favour to be taken in. voted_down: descriptions that votes kept
    out. unfit: how many of the liked ones curation left out, by its reason. scenes, unfit_scenes: the same of
    scenes, if they may train. not_counted: groups of votes that did not count, each with its number and the
    reason.
    """

    liked: int = 0
    voted_down: int = 0
    unfit: dict[str, int] = {}
    scenes: int = 0
    unfit_scenes: dict[str, int] = {}
    not_counted: list[Message] = []


class RankedSummary(_Json):
    """What the ranker did for a build.

    refused: why it was not used; None if it was. model: the number of the model that wrote; None if none was
    live. rated: texts with votes, by which it was fitted. auc: how well it tells liked texts from others that
    it has not seen, with its 95 % interval; None if it was not fitted. has_log_prob: whether it knew how
    likely the model finds a text. heroes: of which `written` texts were written, of which `fit` may train.
    added: how many are in the dataset.
    """

    refused: Message | None = None
    model: int | None = None
    rated: int = 0
    auc: float | None = None
    low: float | None = None
    high: float | None = None
    has_log_prob: bool = False
    heroes: int = 0
    written: int = 0
    fit: int = 0
    added: int = 0

    @property
    def recipe(self) -> dict[str, Any]:
        """What a dataset notes of it."""
        return self.model_dump(include={"model", "rated", "auc", "low", "high", "has_log_prob", "added"})


class BuildResult(_Json):
    """How a build ended.

    dataset: the version that holds its texts. new: the build made this version; otherwise it was there
    already, with the same texts. counts: the dataset's texts, by split ("train", "valid") and by source.

    asked: answers that the model wrote for this build. calls: calls that this took, with failed ones. cached:
    answers taken over from earlier builds. lost: calls in flight when a worker died, which may have been paid
    for twice. given_up: examples left out because no answer was good enough. rejected: answers that curation
    rejected, dropped: texts left out of the dataset, both by reason.

    changes: the difference to the version before; None if there is none. ranked: what the ranker did; None if
    it was not ordered. cost: in US dollars. files: paths relative to the data folder.
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
    ranked: RankedSummary | None = None
    cost: float = 0.0
    files: list[str] = []


class HeldOutLoss(TypedDict, total=False):
    """The loss on the held-out texts before and after a training, as far as it was measured."""

    loss_before: float
    loss_after: float


class ComparisonSide(_Json):
    """A model's text of a hero, or a message that says why there is none; by is the model's name."""

    by: Message
    text: TextOrMessage


class Comparison(_Json):
    """One hero, by its title, and the text of each model that wrote it."""

    hero: str
    sides: list[ComparisonSide]


class ModelFigures(_Json):
    """What a check counted of one model.

    texts: how many were read. fit: how many of them are good enough to train on. all_rules: how many keep all
    rules at once. loss: the loss on the reference texts, and reference: their digest; None if not measured.
    best_log_prob: the mean log-probability of the best-rated texts, in nats a token; None if not asked.
    """

    texts: int = 0
    fit: int = 0
    all_rules: int = 0
    loss: float | None = None
    reference: str | None = None
    best_log_prob: float | None = None

    @property
    def fit_share(self) -> float:
        return self.fit / max(1, self.texts)

    @property
    def all_rules_share(self) -> float:
        return self.all_rules / max(1, self.texts)


class CheckedText(_Json):
    """One of the texts that a check read: of which hero, by its title, and curation's reason against it.

    reason None: it is good enough to train on.
    """

    hero: str = ""
    text: str = ""
    reason: str | None = None


class Verdict(_Json):
    """What the check of a new model found.

    new: its figures. live and live_id: figures and number of the model that was live; None if no tuned model
    was. best_texts: how many best-rated texts there are to compare both by; None if the server does not tell
    log-probabilities, or no tuned model was live. faults: the rules of the gate that it broke; none: it
    passed. samples: some of its texts, those with a fault first.
    """

    new: ModelFigures = ModelFigures()
    live: ModelFigures | None = None
    live_id: int | None = None
    best_texts: int | None = None
    faults: list[Fault] = []
    samples: list[CheckedText] = []

    @property
    def passed(self) -> bool:
        return not self.faults


class FinetuneResult(_Json):
    """How a fine-tuning ended.

    model, name and state: the new model's number, its name at the server that trained it, and what became of
    it (`bot.store.models.State`). dataset: the version that it was trained on. trained_tokens: in all rounds.

    seconds: from the job's start to its end. start_seconds: before the first step. training_seconds: of all
    steps. reading_seconds: of the check, in which `read` texts were read. Each is None if unknown.

    deploy: what an operator must do before the model can answer. verdict: what the check found. unchecked:
    why the check was broken off; `read` is then how many texts of the new model are kept. live: the number of
    the model that it was compared with, or that was live before; None if no tuned one was. ahead: how many
    candidates have their trial first.

    loss_before and loss_after: on the held-out texts; None if not measured. kept_epoch: of how many epochs
    (epochs) the model is, if not of all; None if it is of all. heroes: texts by base, live and
    new model. files: paths relative to the data folder.
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
    kept_epoch: int | None = None
    epochs: int | None = None
    heroes: list[Comparison] = []
    files: list[str] = []


JobSpec = BuildSpec | FinetuneSpec
JobResult = BuildResult | FinetuneResult

SPECS: dict[Kind, type[JobSpec]] = {"build": BuildSpec, "finetune": FinetuneSpec}
RESULTS: dict[Kind, type[JobResult]] = {"build": BuildResult, "finetune": FinetuneResult}
