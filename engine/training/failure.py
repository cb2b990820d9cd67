"""Why a training failed, in a sentence for the client that created its job."""

import errno

from engine.storage import atomic
from engine.training_request import TrainingError


def describe(error: Exception) -> dict[str, str] | None:
    """Return code and message of an error whose cause is outside our code, else None."""
    if isinstance(error, TrainingError):
        return {"code": "training_failed", "message": str(error)}
    if isinstance(error, OSError) and error.errno in atomic.DISK_FULL_ERRNOS:
        return {
            "code": "disk_full",
            "message": f"The disk has no room for the training ({error.strerror}). Free some and try again.",
        }
    # torch has no exception class for CPU memory
    if isinstance(error, MemoryError) or "allocate memory" in str(error) or "out of memory" in str(error):
        return {
            "code": "out_of_memory",
            "message": "The machine has too little free memory for the training. Free some and try again.",
        }
    # torch and safetensors write files themselves and drop the errno
    if "No space left" in str(error) or "File too large" in str(error):
        return describe(OSError(errno.ENOSPC, "No space left on device"))
    return None
