"""What a fine-tuning job is: the request that makes it, the object clients see, its events."""

import time
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine import disk
from engine.errors import ApiError

Status = Literal["validating_files", "queued", "running", "succeeded", "failed", "cancelled"]
FINISHED: frozenset[Status] = frozenset({"succeeded", "failed", "cancelled"})


def _auto(value: Any) -> Any:
    return None if value == "auto" else value


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class Hyperparameters(_Request):
    """The three numbers a client may set. None stands for "auto": the recipe chooses."""

    n_epochs: Annotated[int | None, BeforeValidator(_auto), Field(ge=1, le=50)] = None
    batch_size: Annotated[int | None, BeforeValidator(_auto), Field(ge=1, le=256)] = None
    learning_rate_multiplier: Annotated[float | None, BeforeValidator(_auto), Field(gt=0, le=100)] = None

    def shown(self) -> dict[str, Any]:
        """Return them as a job shows them."""
        return {name: "auto" if value is None else value for name, value in self.model_dump().items()}


class Supervised(_Request):
    """The only way of training so far."""

    hyperparameters: Hyperparameters = Hyperparameters()


class Method(_Request):
    """How to train; the settings lie under the name of the type."""

    type: Literal["supervised"]
    supervised: Supervised = Supervised()


class CreateJob(_Request):
    """The body of `POST /v1/fine_tuning/jobs`."""

    model: str
    training_file: str
    validation_file: str | None = None
    method: Method | None = None
    hyperparameters: Hyperparameters | None = None
    """Where the numbers were before `method` came; `method` wins."""
    suffix: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")] = None
    seed: Annotated[int | None, Field(ge=0, lt=2**31)] = None
    metadata: dict[str, str] | None = None

    def numbers(self) -> Hyperparameters:
        """Return the hyperparameters, wherever the client put them."""
        if self.method is not None:
            return self.method.supervised.hyperparameters
        return self.hyperparameters or Hyperparameters()


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

    def show_hyperparameters(self, numbers: dict[str, Any]) -> None:
        """Show `numbers` in both places where clients look for them."""
        self.hyperparameters = numbers
        self.method = {"type": "supervised", "supervised": {"hyperparameters": numbers}}

    @property
    def cancelled(self) -> bool:
        """Whether somebody has cancelled it."""
        return self.status == "cancelled"

    @property
    def model_to_be(self) -> str:
        """The name its model will have; the job's random end keeps two jobs apart."""
        return f"ft:{self.model}:{self.user_provided_suffix or 'herosmith'}:{self.id[-8:]}"

    def finish(self, status: Status, error: JobError | None = None) -> None:
        """Close the job."""
        self.status = status
        self.error = error
        self.finished_at = int(time.time())


class Event(BaseModel):
    """One thing that happened in a job. Metrics carry their numbers in `data`."""

    id: str = Field(default_factory=lambda: disk.new_id("ftevent"))
    object: str = "fine_tuning.job.event"
    created_at: int = Field(default_factory=lambda: int(time.time()))
    level: Literal["info", "warn", "error"] = "info"
    message: str
    type: Literal["message", "metrics"] = "message"
    data: dict[str, Any] | None = None


def already_finished(job: Job) -> ApiError:
    """Refuse to cancel what is over."""
    return ApiError(400, f"The job has already {_past(job.status)}.", code="job_already_finished")


def _past(status: Status) -> str:
    return "been cancelled" if status == "cancelled" else status
