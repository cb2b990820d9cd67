"""Check the files of a job, and write the token ids that its training reads."""

import logging
from dataclasses import dataclass
from typing import Any

from engine.errors import ApiError, as_clause
from engine.jobs import encoding, training_file
from engine.jobs.job_folder import JobStore
from engine.jobs.outcomes import storage_error
from engine.jobs.schema import Job, JobError
from engine.limits import CONTEXT
from engine.storage.files import FileStore
from engine.training_request import MethodName

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TokenCount:
    """The tokens of an example, or why no job would learn from it."""

    tokens: int | None = None
    error: str | None = None


class JobValidator:
    """Reads examples as training does."""

    def __init__(self, store: JobStore, files: FileStore, tokenize: encoding.TurnTokenizer) -> None:
        """`tokenize` reads the chats of training files as serving does."""
        self._store = store
        self._files = files
        self._tokenize = tokenize

    async def count_tokens(self, example: dict[str, Any], method: MethodName | None) -> TokenCount:
        """Count the tokens of an example as a job would."""
        try:
            parsed = training_file.parse(example, method)
            return TokenCount(tokens=await encoding.count_tokens(parsed, self._tokenize))
        except training_file.TrainingFileError as error:
            return TokenCount(error=str(error))
        except ValueError as error:
            return TokenCount(error=as_clause(str(error)))

    async def find_error(self, job: Job) -> JobError | None:
        """Write the token ids of the job's files; return the first error in them."""
        try:
            return await self._find_error(job)
        except Exception:
            log.exception("the files of job %s could not be validated", job.id)
            return JobError(code="internal_error", message="The engine could not check the job's files.")

    async def _find_error(self, job: Job) -> JobError | None:
        method, _ = job.training_method
        for param, file_id in job.files().items():
            at_least = training_file.MIN_EXAMPLES if param == "training_file" else 1
            try:
                await encoding.encode_file(
                    self._files.path(file_id),
                    self._store.folder(job).tokens(param),
                    "supervised" if param == "reference_file" else method,
                    at_least=at_least,
                    max_tokens=CONTEXT,
                    tokenize=self._tokenize,
                )
            except OSError as error:
                return storage_error(error)
            except (ApiError, training_file.TrainingFileError) as error:
                if isinstance(error, ApiError) and error.status >= 500:
                    return JobError(code=error.code or "internal_error", message=error.message)
                message = f"The {param.replace('_', ' ')} cannot be used: {error}"
                return JobError(code=f"invalid_{param}", message=message, param=param)
        return None
