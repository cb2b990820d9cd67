"""Jobs on disk: a folder for each, with job.json, events.jsonl and the files of its training."""

import logging
from pathlib import Path

from pydantic import ValidationError

from engine.jobs.schema import FileParam, Job, JobEvent
from engine.storage import atomic, record

log = logging.getLogger(__name__)


class JobFolder:
    """Reads and writes one job. Saving is atomic; an event that a crash left incomplete is ignored."""

    def __init__(self, path: Path) -> None:
        """Refer to a folder, which the first `save` creates."""
        self.path = path
        self._events = path / "events.jsonl"
        self.state = path / "state.pt"
        """The training state."""
        self.state_elsewhere = path / f"{self.state.name}.uri"
        """The address of the training state, if it is kept in another place than `state`."""

    @property
    def has_state(self) -> bool:
        """Whether there is a training state to go on from."""
        return self.state.is_file() or self.state_elsewhere.is_file()

    def save(self, job: Job) -> None:
        """Write the job. Raises OSError."""
        self.path.mkdir(parents=True, exist_ok=True)
        atomic.write_json(self.path / "job.json", job.to_disk())

    def load(self) -> Job | None:
        """Return the job; None if a crash prevented its first save, or if its file is damaged."""
        if not (self.path / "job.json").is_file():
            return None
        return record.read(self.path / "job.json", Job)

    def append(self, event: JobEvent) -> None:
        """Append an event. Raises OSError."""
        with self._events.open("ab+") as file:
            if file.tell():
                file.seek(-1, 2)
                if file.read(1) != b"\n":  # a crash cut the last line: start a new one
                    file.write(b"\n")
            file.write(event.model_dump_json().encode() + b"\n")

    def events(self) -> list[JobEvent]:
        """Return the events, the newest first."""
        if not self._events.is_file():
            return []
        events = []
        for line in self._events.read_bytes().splitlines():
            try:
                events.append(JobEvent.model_validate_json(line))
            except ValidationError:
                continue
        return events[::-1]

    def tokens(self, param: FileParam) -> Path:
        """Return the file with the token ids of one of the job's `FILE_PARAMS`."""
        return self.path / f"{param}.tokens.jsonl"

    def delete_state(self) -> None:
        """Delete the training state and the token ids, the largest files of a job, once it has ended."""
        for name in (f"{self.state.name}*", "*.tokens.jsonl"):  # including a part that a full disk left
            for path in self.path.glob(name):
                path.unlink(missing_ok=True)


class JobStore:
    """All jobs, in memory and on disk."""

    def __init__(self, data: Path) -> None:
        """Read the jobs below `data`."""
        data.mkdir(parents=True, exist_ok=True)
        self._data = data
        loaded = (JobFolder(path).load() for path in sorted(data.iterdir()))
        self.jobs: dict[str, Job] = {job.id: job for job in loaded if job}
        """By id, the oldest first."""

    def folder(self, job: Job) -> JobFolder:
        """Return a job's folder."""
        return JobFolder(self._data / job.id)

    @property
    def base_cache(self) -> Path:
        """The folder that caches the dequantized base for all jobs."""
        return self._data.parent / "unpacked"

    def add(self, job: Job) -> None:
        """Add a new job. Raises OSError if it cannot be written."""
        self.folder(job).save(job)
        self.jobs[job.id] = job

    def save(self, job: Job, *events: JobEvent) -> None:
        """Save a job and append events; if the disk is full, the change is in memory until the next save."""
        try:
            self.folder(job).save(job)
        except OSError:
            log.exception("job %s cannot be saved", job.id)
        for event in events:
            log.info("job %s: %s", job.id, event.message)
            self.append(job, event)

    def append(self, job: Job, event: JobEvent) -> None:
        """Append an event; it is lost if the disk is full."""
        try:
            self.folder(job).append(event)
        except OSError:
            log.exception("job %s: the event '%s' is lost", job.id, event.message)
