"""Batches in OpenAI's format: the request that creates one, its input lines, the batch object, result lines.

https://platform.openai.com/docs/api-reference/batch
"""

import time
from typing import Any, Literal, Self

from pydantic import BaseModel, Field, field_validator

from engine.errors import ApiError
from engine.ids import new_id
from engine.inference.service import PATHS
from engine.metadata import Metadata
from engine.openai_object import OpenAIObject

WINDOW_SECONDS = 24 * 3600

Status = Literal[
    "validating",
    "failed",
    "in_progress",
    "finalizing",
    "completed",
    "expired",
    "cancelling",
    "cancelled",
]
FINISHED: frozenset[Status] = frozenset({"failed", "completed", "expired", "cancelled"})


class CreateBatchRequest(OpenAIObject):
    """The body of `POST /v1/batches`."""

    input_file_id: str
    endpoint: str
    completion_window: Literal["24h"]
    metadata: Metadata | None = None

    @field_validator("endpoint")
    @classmethod
    def _answers_batches(cls, endpoint: str) -> str:
        if endpoint not in PATHS:
            raise ValueError(f"batches are answered by {', '.join(PATHS)}")
        return endpoint


class InputLine(OpenAIObject):
    """One request of a batch; its body is validated when it is answered."""

    custom_id: str = Field(min_length=1)
    method: Literal["POST"]
    url: str
    body: dict[str, Any]


class BatchError(BaseModel):
    """Why a batch failed, and at which line of its input file."""

    code: str
    message: str
    param: str | None = None
    line: int | None = None

    @classmethod
    def of(cls, error: ApiError, line: int | None = None) -> Self:
        """Return what the API would answer, as the error of a batch."""
        return cls(code=error.code or "invalid_value", message=error.message, param=error.param, line=line)


class BatchErrors(BaseModel):
    """OpenAI's list of errors."""

    object: str = "list"
    data: list[BatchError]


class RequestCounts(BaseModel):
    """How many requests a batch has, and what became of them."""

    total: int = 0
    completed: int = 0
    failed: int = 0


class Batch(BaseModel):
    """OpenAI's batch object, which is also what batch.json holds. Times are Unix times in seconds."""

    id: str = Field(default_factory=lambda: new_id("batch"))
    object: str = "batch"
    endpoint: str
    model: str | None = None
    errors: BatchErrors | None = None
    input_file_id: str
    completion_window: str = "24h"
    status: Status = "validating"
    output_file_id: str | None = None
    error_file_id: str | None = None
    created_at: int = Field(default_factory=lambda: int(time.time()))
    in_progress_at: int | None = None
    expires_at: int = Field(default_factory=lambda: int(time.time()) + WINDOW_SECONDS)
    finalizing_at: int | None = None
    completed_at: int | None = None
    failed_at: int | None = None
    expired_at: int | None = None
    cancelling_at: int | None = None
    cancelled_at: int | None = None
    request_counts: RequestCounts = Field(default_factory=RequestCounts)
    metadata: Metadata | None = None
    request_id: str | None = Field(default=None, exclude=True)
    """Of the request that created it, for the log; OpenAI's object has none."""

    def change(self, status: Status) -> None:
        """Set the status and its time."""
        self.status = status
        setattr(self, f"{status}_at", int(time.time()))

    def has_status(self, *statuses: Status) -> bool:
        """Return whether the batch has one of these statuses, which any `await` may have changed."""
        return self.status in statuses


def result_line(custom_id: str, status: int, body: dict[str, Any]) -> dict[str, Any]:
    """Return the line of a request that was answered, with its HTTP status and body."""
    response = {"status_code": status, "request_id": new_id("req"), "body": body}
    return {"id": new_id("batch_req"), "custom_id": custom_id, "response": response, "error": None}


def expired_line(custom_id: str) -> dict[str, Any]:
    """Return the line of a request that was not answered in time."""
    error = {
        "code": "batch_expired",
        "message": "This request could not be executed before the completion window expired.",
    }
    return {"id": new_id("batch_req"), "custom_id": custom_id, "response": None, "error": error}


def cannot_cancel(batch: Batch) -> ApiError:
    """Return the error for a batch that has ended, or is about to."""
    return ApiError(
        400, f"Cannot cancel a batch with status '{batch.status}'.", code="batch_already_finished"
    )
