"""Records: JSON files, each of which holds what a pydantic model describes."""

import logging
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from engine.storage import atomic

log = logging.getLogger(__name__)

Record = TypeVar("Record", bound=BaseModel)


def read(path: Path, kind: type[Record]) -> Record | None:
    """Return the record in a file; None, and a line in the log, if it is damaged: the others still count.

    Raises OSError if the file cannot be read.
    """
    try:
        return kind.model_validate(atomic.read_json(path))
    except ValueError as error:  # pydantic's, too
        reason = " ".join(str(error).split())
        log.error("%s is damaged, and what it describes is left out: %s", path, reason)  # noqa: TRY400
        return None
