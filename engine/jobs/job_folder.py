"""A job on disk: job.json, events.jsonl, and what passes between the engine and its trainer."""

from pathlib import Path

from pydantic import ValidationError

from engine.jobs.schema import Event, Job
from engine.storage import atomic


class JobFolder:
    """Reads and writes one job. Saving is atomic; an event torn by a crash is passed over when read."""

    def __init__(self, path: Path) -> None:
        """Point at a folder; it is made by the first `save`."""
        self.path = path
        self._events = path / "events.jsonl"
        self.state = path / "state.pt"
        """Where the trainer puts its work down."""

    def save(self, job: Job) -> None:
        """Write the job as it is now."""
        self.path.mkdir(parents=True, exist_ok=True)
        atomic.write_json(self.path / "job.json", job.model_dump())

    def load(self) -> Job | None:
        """Return the job, or None where a crash came before the first save."""
        if not (self.path / "job.json").is_file():
            return None
        return Job.model_validate(atomic.read_json(self.path / "job.json"))

    def append(self, event: Event) -> None:
        """Add an event."""
        with self._events.open("ab+") as log:
            if log.tell():
                log.seek(-1, 2)
                if log.read(1) != b"\n":  # a crash tore the last line: it must not swallow this one
                    log.write(b"\n")
            log.write(event.model_dump_json().encode() + b"\n")

    def events(self) -> list[Event]:
        """Return the events, the newest first."""
        if not self._events.is_file():
            return []
        events = []
        for line in self._events.read_bytes().splitlines():
            try:
                events.append(Event.model_validate_json(line))
            except ValidationError:
                continue
        return events[::-1]

    def drop_state(self) -> None:
        """Forget where the trainer put its work down: the job is over, and this is its largest file."""
        for path in self.path.glob(f"{self.state.name}*"):  # and what a full disk left of one
            path.unlink(missing_ok=True)
