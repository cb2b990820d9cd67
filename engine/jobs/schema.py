"""Fine-tuning jobs in OpenAI's format: the request that creates one, the job object, events, checkpoints.

https://platform.openai.com/docs/api-reference/fine-tuning
"""

import time
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from engine.errors import ApiError
from engine.hyperparameters import MAX_LORA_RANK
from engine.ids import new_id
from engine.metadata import Metadata
from engine.openai_object import OpenAIObject
from engine.training_request import MethodName, ReferenceLoss, TrainedWeights

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})

FileParam = Literal["training_file", "validation_file", "reference_file"]
"""The fields of a job that name uploaded files."""
FILE_PARAMS: tuple[FileParam, ...] = get_args(FileParam)


_IN_OLD_PLACE = frozenset({"n_epochs", "batch_size", "learning_rate_multiplier", "weights"})
"""The hyperparameters that a job shows beside its method as well."""


def _none_if_auto(value: Any) -> Any:
    return None if value == "auto" else value


# pydantic applies validators from the right: "auto" becomes None before the bounds are checked
_Auto = BeforeValidator(_none_if_auto)


class Hyperparameters(OpenAIObject):
    """The hyperparameters that a client may set; None means "auto", for `hyperparameters.resolve_auto`.

    `weights`, `lora_rank` and `lora_rs` are extensions: whether all weights of the model are trained or an
    adapter, the adapter's rank, and whether it is scaled by the square root of that (rsLoRA).
    """

    n_epochs: Annotated[int | None, Field(ge=1, le=50), _Auto] = None
    batch_size: Annotated[int | None, Field(ge=1, le=256), _Auto] = None
    learning_rate_multiplier: Annotated[float | None, Field(gt=0, le=100), _Auto] = None
    weights: Annotated[TrainedWeights | None, _Auto] = None
    lora_rank: Annotated[int | None, Field(ge=1, le=MAX_LORA_RANK), _Auto] = None
    lora_rs: Annotated[bool | None, _Auto] = None

    @field_validator("lora_rank", "lora_rs")
    @classmethod
    def _of_an_adapter(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("weights") == "all":
            raise ValueError("it is of an adapter, and 'weights' is 'all'")
        return value

    @property
    def wanted_weights(self) -> TrainedWeights | None:
        """What is to be trained; None if that is left to the engine. A rank asks for an adapter."""
        if self.lora_rank is not None or self.lora_rs is not None:
            return "adapter"
        return self.weights

    def with_auto(self) -> dict[str, Any]:
        """Return the values by name, "auto" in place of None."""
        return {name: "auto" if value is None else value for name, value in self.model_dump().items()}


class PreferenceHyperparameters(Hyperparameters):
    """The hyperparameters of DPO; a larger `beta` keeps the model closer to the one it starts from.

    `supervised_weight` is an extension: the weight of the preferred texts' own loss.
    """

    beta: Annotated[float | None, Field(gt=0, le=2), _Auto] = None
    supervised_weight: Annotated[float | None, Field(ge=0, le=10), _Auto] = None


class JudgedHyperparameters(Hyperparameters):
    """The hyperparameters of KTO: `beta` as of DPO, and the weights of wanted and of unwanted texts."""

    beta: Annotated[float | None, Field(gt=0, le=2), _Auto] = None
    desirable_weight: Annotated[float | None, Field(gt=0, le=100), _Auto] = None
    undesirable_weight: Annotated[float | None, Field(gt=0, le=100), _Auto] = None


class CountTokensRequest(OpenAIObject):
    """An extension: the lines of a training file, to be checked and counted before a job is created.

    method: of the job that they are for; without it, each line is read by its own form.
    """

    examples: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1000)]
    method: MethodName | None = None


class SupervisedMethod(OpenAIObject):
    """Training on conversations."""

    hyperparameters: Hyperparameters = Hyperparameters()


class DpoMethod(OpenAIObject):
    """Training on pairs of a preferred and a non-preferred output."""

    hyperparameters: PreferenceHyperparameters = PreferenceHyperparameters()


class KtoMethod(OpenAIObject):
    """An extension: training on texts that are wanted or not, each by itself."""

    hyperparameters: JudgedHyperparameters = JudgedHyperparameters()


class Method(OpenAIObject):
    """The training method; its settings are in the field named like the type."""

    type: MethodName
    supervised: SupervisedMethod | None = None
    dpo: DpoMethod | None = None
    kto: KtoMethod | None = None

    @field_validator("supervised", "dpo", "kto")
    @classmethod
    def _matches_type(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("type") not in {None, info.field_name}:
            raise ValueError(f"the type is '{info.data['type']}'")
        return value

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters of the type; all are "auto" if the client gave none."""
        match self.type:
            case "supervised":
                return (self.supervised or SupervisedMethod()).hyperparameters
            case "dpo":
                return (self.dpo or DpoMethod()).hyperparameters
            case "kto":
                return (self.kto or KtoMethod()).hyperparameters


class CreateJobRequest(OpenAIObject):
    """The body of `POST /v1/fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    reference_file: str | None = None
    """An extension: conversations on which the model is measured before and after the training."""
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    """The older place for them, before OpenAI added `method`; a request may use one of the two."""
    suffix: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    metadata: Metadata | None = None

    @field_validator("hyperparameters")
    @classmethod
    def _not_with_method(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("method") is not None:
            raise ValueError("give the hyperparameters in 'method' only")
        return value

    def chosen_method(self) -> Method:
        """Return the method, whichever of the two places the client used."""
        if self.method is not None:
            return self.method
        numbers = self.hyperparameters or Hyperparameters()
        return Method(type="supervised", supervised=SupervisedMethod(hyperparameters=numbers))


class JobError(BaseModel):
    """Why a job failed; `message` is for the client that created it."""

    code: str
    message: str
    param: str | None = None


class Job(BaseModel):
    """OpenAI's fine-tuning job object, which is also what job.json holds."""

    id: str
    object: str = "fine_tuning.job"
    created_at: int
    finished_at: int | None = None
    status: Status = "validating_files"
    model: str
    training_file: str
    validation_file: str | None = None
    reference_file: str | None = None
    reference_loss: ReferenceLoss | None = None
    fine_tuned_model: str | None = None
    trained_tokens: int | None = None
    hyperparameters: dict[str, Any] = {}
    method: dict[str, Any] = {}
    seed: int
    error: JobError | None = None
    metadata: dict[str, str] | None = None
    user_provided_suffix: str | None = None
    estimated_finish: int | None = None
    organization_id: str = "local"
    result_files: list[str] = []
    request_id: str | None = Field(default=None, exclude=True)
    """Of the request that created it, for the log; OpenAI's object has none."""
    picks_epoch: bool = Field(default=False, exclude=True)
    """Whether the model is that of the epoch with the lowest held-out loss. "auto" is gone once it begins."""
    integrations: list[str] = []

    def set_method(self, name: MethodName, numbers: dict[str, Any]) -> None:
        """Set the method and its hyperparameters, in both places where clients look for them."""
        self.hyperparameters = {name: value for name, value in numbers.items() if name in _IN_OLD_PLACE}
        self.method = {"type": name, name: {"hyperparameters": numbers}}

    @property
    def training_method(self) -> tuple[MethodName, dict[str, Any]]:
        """The method and its hyperparameters."""
        name = self.method["type"]
        return name, self.method[name]["hyperparameters"]

    def files(self) -> dict[FileParam, str]:
        """Return the ids of the job's files by the field that names each."""
        ids = ((param, getattr(self, param)) for param in FILE_PARAMS)
        return {param: file_id for param, file_id in ids if file_id is not None}

    def keep_epoch(self, epoch: int) -> None:
        """Say of which epoch the model is, in place of how many there were."""
        name, numbers = self.training_method
        self.set_method(name, numbers | {"n_epochs": epoch})

    def to_disk(self) -> dict[str, Any]:
        """Return what job.json holds: the object, and what clients do not see of it."""
        return self.model_dump() | {"request_id": self.request_id, "picks_epoch": self.picks_epoch}

    def has_status(self, *statuses: Status) -> bool:
        """Return whether the job has one of these statuses, which any `await` may have changed."""
        return self.status in statuses

    def model_name(self, base_id: str) -> str:
        """Return the name of the job's model; the random end of the job's id makes it unique."""
        return f"ft:{base_id}:{self.user_provided_suffix or 'herosmith'}:{self.id[-8:]}"

    def is_of(self, base_id: str) -> bool:
        """Return whether the job trains a base, or a model that was tuned from it."""
        return self.model == base_id or self.model.startswith(f"ft:{base_id}:")

    def finish(self, status: Status, error: JobError | None = None) -> None:
        """End the job."""
        self.status = status
        self.error = error
        self.finished_at = int(time.time())
        self.estimated_finish = None


class JobEvent(BaseModel):
    """OpenAI's job event object; a metrics event has its values in `data`."""

    id: str = Field(default_factory=lambda: new_id("ftevent"))
    object: str = "fine_tuning.job.event"
    created_at: int = Field(default_factory=lambda: int(time.time()))
    level: Literal["info", "warn", "error"] = "info"
    message: str
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] | None = None


class JobCheckpoint(BaseModel):
    """OpenAI's job checkpoint object: a model saved during the training, which can be used like any other."""

    id: str
    object: str = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    step_number: int
    metrics: dict[str, float | None]


def already_finished(job: Job) -> ApiError:
    """Return the error for a change of a finished job."""
    status = "been cancelled" if job.status == "cancelled" else job.status
    return ApiError(400, f"The job has already {status}.", code="job_already_finished")


def other_base(job: Job, served: str) -> ApiError:
    """Return the error for a job that cannot go on while another base than its own is served."""
    message = (
        f"The job trains '{job.model}', and the engine serves '{served}' now: it can be resumed once the "
        "engine is started with the job's base again."
    )
    return ApiError(400, message, code="model_not_available", param="model")


def wrong_status(job: Job, action: str) -> ApiError:
    """Return the error for an action that the job's status does not allow."""
    return ApiError(400, f"The job is {job.status}: it cannot be {action}.", code="invalid_job_status")
