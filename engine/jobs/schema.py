"""What a fine-tuning job is: the request that makes it, the object clients see, its events."""

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator

from engine.errors import ApiError
from engine.storage import atomic
from engine.training_request import MethodName

Status = Literal["validating_files", "queued", "running", "paused", "succeeded", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


def _auto(value: Any) -> Any:
    return None if value == "auto" else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


# The bounds stand before the "auto" that has none: pydantic applies these from the right.
_Auto = BeforeValidator(_auto)


class Hyperparameters(_Request):
    """The numbers a client may set. None stands for "auto": the recipe chooses."""

    n_epochs: Annotated[int | None, Field(ge=1, le=50), _Auto] = None
    batch_size: Annotated[int | None, Field(ge=1, le=256), _Auto] = None
    learning_rate_multiplier: Annotated[float | None, Field(gt=0, le=100), _Auto] = None

    def shown(self) -> dict[str, Any]:
        """Return them as a job shows them."""
        return {name: "auto" if value is None else value for name, value in self.model_dump().items()}


class PreferenceHyperparameters(Hyperparameters):
    """Those of preference tuning; the larger `beta`, the closer it stays to the model it starts from."""

    beta: Annotated[float | None, Field(gt=0, le=2), _Auto] = None


class Supervised(_Request):
    """Training on texts."""

    hyperparameters: Hyperparameters = Hyperparameters()


class Dpo(_Request):
    """Training on pairs of a better and a worse text."""

    hyperparameters: PreferenceHyperparameters = PreferenceHyperparameters()


class Method(_Request):
    """How to train; the settings lie under the name of the type."""

    type: MethodName
    supervised: Supervised | None = None
    dpo: Dpo | None = None

    @field_validator("supervised", "dpo")
    @classmethod
    def _of_the_type(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("type") not in {None, info.field_name}:
            raise ValueError(f"the type is '{info.data['type']}'")
        return value

    @property
    def hyperparameters(self) -> Hyperparameters:
        """The numbers, all "auto" where the client left them out."""
        if self.type == "dpo":
            return (self.dpo or Dpo()).hyperparameters
        return (self.supervised or Supervised()).hyperparameters


_Key = Annotated[str, Field(min_length=1, max_length=64)]
_Value = Annotated[str, Field(max_length=512)]


class CreateJob(_Request):
    """The body of `POST /v1/fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    """Where the numbers were before `method` came; one of the two places is enough."""
    suffix: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    metadata: Annotated[dict[_Key, _Value] | None, Field(max_length=16)] = None

    @field_validator("hyperparameters")
    @classmethod
    def _in_one_place(cls, value: Any, info: ValidationInfo) -> Any:
        if value is not None and info.data.get("method") is not None:
            raise ValueError("give the numbers below 'method' alone")
        return value

    def how(self) -> Method:
        """Return the method, wherever the client put its numbers."""
        if self.method is not None:
            return self.method
        numbers = self.hyperparameters or Hyperparameters()
        return Method(type="supervised", supervised=Supervised(hyperparameters=numbers))


class JobError(BaseModel):
    """Why a job failed, in words for the one who started it."""

    code: str
    message: str
    param: str | None = None


class Job(BaseModel):
    """OpenAI's fine-tuning job object, kept on disk as it is shown."""

    id: str
    object: str = "fine_tuning.job"
    created_at: int
    finished_at: int | None = None
    status: Status = "validating_files"
    model: str
    training_file: str
    validation_file: str | None = None
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
    integrations: list[str] = []

    def show_method(self, name: MethodName, numbers: dict[str, Any]) -> None:
        """Show the hyperparameters in both places where clients look for them."""
        self.hyperparameters = {name: value for name, value in numbers.items() if name != "beta"}
        self.method = {"type": name, name: {"hyperparameters": numbers}}

    @property
    def trains_by(self) -> tuple[MethodName, dict[str, Any]]:
        """The method and its hyperparameters."""
        name = self.method["type"]
        return name, self.method[name]["hyperparameters"]

    def is_now(self, *statuses: Status) -> bool:
        """Tell whether it has one of these; awaiting anything may have changed it."""
        return self.status in statuses

    def model_to_be(self, base_id: str) -> str:
        """Return the name its model will have; the job's random end keeps two jobs apart."""
        return f"ft:{base_id}:{self.user_provided_suffix or 'herosmith'}:{self.id[-8:]}"

    def finish(self, status: Status, error: JobError | None = None) -> None:
        """Close the job."""
        self.status = status
        self.error = error
        self.finished_at = int(time.time())
        self.estimated_finish = None


class Event(BaseModel):
    """One thing that happened in a job. Metrics carry their numbers in `data`."""

    id: str = Field(default_factory=lambda: atomic.new_id("ftevent"))
    object: str = "fine_tuning.job.event"
    created_at: int = Field(default_factory=lambda: int(time.time()))
    level: Literal["info", "warn", "error"] = "info"
    message: str
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] | None = None


class ShownCheckpoint(BaseModel):
    """OpenAI's checkpoint object: a model that was kept on the way, and can be asked."""

    id: str
    object: str = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    step_number: int
    metrics: dict[str, float | None]


def already_finished(job: Job) -> ApiError:
    """Refuse to change what is over."""
    past = "been cancelled" if job.status == "cancelled" else job.status
    return ApiError(400, f"The job has already {past}.", code="job_already_finished")


def wrong_status(job: Job, wanted: str) -> ApiError:
    """Refuse what a job of this status cannot do."""
    return ApiError(400, f"The job is {job.status}: it cannot be {wanted}.", code="invalid_job_status")
