"""Failed starts: pauses that grow from start to start, so that a supervisor's restarts become no storm."""

import json
import logging
import time
from pathlib import Path

log = logging.getLogger(__name__)

_FORGOTTEN_AFTER = 86_400.0  # seconds
_MAX_DOUBLINGS = 20


class FailedStarts:
    """Counts the starts that Discord refused since the last that it took, in a small file."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def add(self, *, first: float, longest: float) -> float:
        """Count one more. Return how long to wait before the end of the process, in seconds.

        first is the wait after one failure; it doubles with each further one, up to longest.
        """
        failures = self._failures() + 1
        try:
            self._file.write_text(json.dumps({"failures": failures, "at": time.time()}), encoding="utf-8")
        except OSError as error:
            log.warning(
                "%s cannot be written, so the pauses between starts do not grow: %s", self._file, error
            )
        doubled: float = first * 2 ** min(failures - 1, _MAX_DOUBLINGS)
        return min(doubled, longest)

    def reset(self) -> None:
        """Forget them: Discord took this start."""
        try:
            self._file.unlink(missing_ok=True)
        except OSError as error:
            log.warning("%s cannot be removed: %s", self._file, error)

    def _failures(self) -> int:
        """Return how many there were; 0 where the file is missing, old or not ours."""
        try:
            kept = json.loads(self._file.read_text(encoding="utf-8"))
            recent = 0 <= time.time() - kept["at"] < _FORGOTTEN_AFTER
            return max(0, int(kept["failures"])) if recent else 0
        except (OSError, ValueError, TypeError, KeyError):
            return 0
