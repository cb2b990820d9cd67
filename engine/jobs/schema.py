"""Fine-tuning jobs in OpenAI's format: the request that creates one, the job object, events, checkpoints.

https://platform.openai.com/docs/api-reference/fine-tuning
"""

import time
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, Field, ValidationInfo, field_validator

from engine.errors import ApiError
from engine.ids import new_id
from engine.metadata import Metadata
from engine.openai_object import OpenAIObject
from engine.training_request import MethodName, ReferenceLoss, TrainedWeights

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})

FileParam = Literal["training_file", "validation_file", "reference_file"]
"""The fields of a job that name uploaded files."""
FILE_PARAMS: tuple[FileParam, ...] = get_args(FileParam)


def _none_if_auto(value: Any) -> Any:
    return None if value == "auto" else value


# pydantic applies validators from the right: "auto" becomes None before the bounds are checked
_Auto = BeforeValidator(_none_if_auto)


class Hyperparameters(OpenAIObject):
    """The hyperparameters that a client may set; None means "auto", for `hyperparameters.resolve_auto`.

    `weights` is an extension: whether all weights of the model are trained, or an adapter.
    """

    n_epochs: Annotated[int | None, Field(ge=1, le=50), _Auto] = None
    batch_size: Annotated[int | None, Field(ge=1, le=256), _Auto] = None
    learning_rate_multiplier: Annotated[float | None, Field(gt=0, le=100), _Auto] = None
    weights: Annotated[TrainedWeights | None, _Auto] = None

    def with_auto(self) -> dict[str, Any]:
        """Return the values by name, "auto" in place of None."""
        return {name: "auto" if value is None else value for name, value in self.model_dump().items()}


class PreferenceHyperparameters(Hyperparameters):
    """The hyperparameters of DPO; a larger `beta` keeps the model closer to the one it starts from."""

    beta: Annotated[float | None, Field(gt=0, le=2), _Auto] = None


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


class Method(OpenAIObject):
    """The training method; its settings are in the field named like the type."""

    type: MethodName
    supervised: SupervisedMethod | None = None
    dpo: DpoMethod | None = None

    @field_validator("supervised", "dpo")
    @classmethod
    def _matches_type(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("type") not in {None, info.field_name}:
            raise ValueError(f"the type is '{info.data['type']}'")
        return value

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The hyperparameters of the type; all are "auto" if the client gave none."""
        if self.type == "dpo":
            return (self.dpo or DpoMethod()).hyperparameters
        return (self.supervised or SupervisedMethod()).hyperparameters


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
    integrations: list[str] = []

    def set_method(self, name: MethodName, numbers: dict[str, Any]) -> None:
        """Set the method and its hyperparameters, in both places where clients look for them."""
        self.hyperparameters = {name: value for name, value in numbers.items() if name != "beta"}
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
