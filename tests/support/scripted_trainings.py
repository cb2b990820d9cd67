"""The fine-tuning part of the scripted server, in OpenAI's shape or another provider's."""

import json
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.support.scripted_server import Script

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class ProviderQuirks:
    """How a provider differs from OpenAI: what its API accepts, keeps and shows.

    takes: the optional fields of its create call; wants: required fields with their valid values;
    suffix_shown: the field in which a job shows its suffix, None for none; reads: how often a file is polled
    before it is processed.
    """

    takes: frozenset[str] = frozenset(
        {"validation_file", "method", "hyperparameters", "suffix", "seed", "metadata", "reference_file"}
    )
    wants: Mapping[str, frozenset[str]] = field(default_factory=dict)
    hyperparameters: frozenset[str] = frozenset(
        {"n_epochs", "batch_size", "learning_rate_multiplier", "beta"}
    )
    bom: bool = False
    dots_in_suffix: bool = True
    longest_suffix: int = 64
    keeps_metadata: bool = True
    keeps_names: bool = True
    shows_training_file: bool = True
    suffix_shown: str | None = "user_provided_suffix"
    suffix_kept: int = 64
    lists_jobs: bool = True
    pauses: bool = True
    names_model: bool = True
    reads: int = 0


class ScriptedTrainings:
    """What the server does with files and trainings, and which it received."""

    def __init__(self, script: "Script") -> None:
        self._script = script
        self.quirks = ProviderQuirks()
        self.created: list[dict[str, Any]] = []
        self.uploads: list[tuple[str, bytes]] = []  # names and contents, in order of arrival
        self.statuses: list[str] = []  # of the next polls of a training; then it has succeeded
        self.error: str | None = None  # why trainings fail
        self.paused: set[str] = set()
        self.cancelled: set[str] = set()
        self.resumed: list[str] = []
        self.lost_starts = 0  # how many trainings start although the answer is a 500
        self.lists: list[str] = []  # models that are listed besides the tuned ones
        self.gone: set[str] = set()  # tuned models that the server has lost
        self.checkpoints: list[str] = []  # models that each training has saved on its way
        self.deleted: list[str] = []  # models, in order
        self.planned: dict[str, Any] | None = None  # what a training would change, if the server says it
        self.wanted_weights: list[str] = []  # as the clients asked for it
        self.shutdown_dates: dict[str, str] = {}
        self.events_kept = True
        self.reference_losses: list[tuple[float, float]] = []  # before and after, of each training in turn
        self.losses: tuple[tuple[int, float | None], ...] = ((20, 1.25), (0, 2.5))
        self.tells_tokens = True
        self.refuses_cancel = False
        self.listed_after = 0.0  # seconds from a training's start until it is listed
        self._started: dict[int, float] = {}
        self._looks: Counter[str] = Counter()

    def continue_from(self, other: "ScriptedTrainings") -> None:
        """Know the files and trainings of another server."""
        self.created.extend(other.created)
        self.uploads.extend(other.uploads)
        self._started.update(other._started)

    def serve(self, app: web.Application) -> None:
        """Add the routes."""
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/models/{model}/tuning", self._tuning)
        app.router.add_delete("/v1/models/{model}", self._delete)
        app.router.add_get("/v1/files", self._files)
        app.router.add_post("/v1/files", self._upload)
        app.router.add_get("/v1/files/{file}", self._file)
        jobs = "/v1/fine_tuning/jobs"
        app.router.add_post(jobs, self._create)
        app.router.add_get(jobs, self._list)
        app.router.add_get(f"{jobs}/{{job}}", self._get)
        app.router.add_get(f"{jobs}/{{job}}/events", self._events)
        app.router.add_get(f"{jobs}/{{job}}/checkpoints", self._checkpoints)
        app.router.add_post(f"{jobs}/{{job}}/{{what:pause|resume|cancel}}", self._change)

    async def _models(self, _request: web.Request) -> web.Response:
        names = [*self.lists, *(f"ft:tiny:{number}" for number in range(1, len(self.created) + 1))]
        data = [
            {
                "id": name,
                "object": "model",
                "created": 1,
                "owned_by": "test",
                "shutdown_date": self.shutdown_dates.get(name),
            }
            for name in names
            if name not in self.gone
        ]
        return web.json_response({"object": "list", "data": data})

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        self.deleted.append(name)
        return web.json_response({"id": name, "object": "model", "deleted": True})

    async def _tuning(self, request: web.Request) -> web.Response:
        self.wanted_weights.append(request.query["weights"])
        if self.planned is None:
            return self._script.refusal(404)
        if "error" in self.planned:
            return self._script.refusal(400, self.planned["error"])
        return web.json_response({"object": "model.tuning", "obstacle": None} | self.planned)

    async def _upload(self, request: web.Request) -> web.Response:
        form = await request.post()
        if form["purpose"] == "batch" and self._script.batches.unknown:
            return self._script.refusal(404)
        file = form["file"]
        assert isinstance(file, web.FileField)
        content = file.file.read()
        if form["purpose"] == "fine-tune" and content.startswith(_BOM) != self.quirks.bom:
            return self._script.refusal(400, "the byte order mark is not as it should be")
        name = f"file-{len(self._script.files) + 1}"
        self._script.files[name] = content
        if form["purpose"] == "fine-tune":
            self.uploads.append((file.filename, content))
        return web.json_response(self._shown_file(name, file.filename))

    def _shown_file(self, name: str, filename: str) -> dict[str, Any]:
        reading = self._looks[name] < self.quirks.reads
        return {
            "id": name,
            "object": "file",
            "bytes": len(self._script.files[name]),
            "created_at": self._script.now,
            "filename": filename if self.quirks.keeps_names else "upload.bin",
            "purpose": "fine-tune",
            "status": "pending" if reading else "processed",
        }

    async def _files(self, _request: web.Request) -> web.Response:
        names = {content: filename for filename, content in self.uploads}
        data = [
            self._shown_file(name, names[content])
            for name, content in self._script.files.items()
            if content in names
        ]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _file(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        shown = self._shown_file(name, "train.jsonl")
        self._looks[name] += 1
        return web.json_response(shown)

    async def _create(self, request: web.Request) -> web.Response:
        body = await request.json()
        fault = self._fault(body)
        if fault:
            return self._script.refusal(400, fault)
        self.created.append(body)
        self._started[len(self.created)] = time.monotonic()
        if self.lost_starts:
            self.lost_starts -= 1
            return self._script.refusal(500)
        return web.json_response(self._job(len(self.created), "queued"))

    def _fault(self, body: dict[str, Any]) -> str | None:
        """Return what a provider would reject in a request, if anything."""
        unknown = body.keys() - {"model", "training_file"} - self.quirks.takes - self.quirks.wants.keys()
        if unknown:
            return f"unknown parameters: {', '.join(sorted(unknown))}"
        for name, values in self.quirks.wants.items():
            if body.get(name) not in values:
                return f"{name} must be one of {', '.join(sorted(values))}"
        suffix = body.get("suffix", "")
        if len(suffix) > self.quirks.longest_suffix or ("." in suffix and not self.quirks.dots_in_suffix):
            return f"the suffix {suffix} is not allowed"
        strange = _hyperparameters(body).keys() - self.quirks.hyperparameters
        if strange:
            return f"unknown hyperparameters: {', '.join(sorted(strange))}"
        for name in ("training_file", "validation_file", "reference_file"):
            if name in body and body[name] not in self._script.files:
                return f"no such file: {body[name]}"
        return None

    async def _list(self, _request: web.Request) -> web.Response:
        if not self.quirks.lists_jobs:
            return self._script.refusal(404)
        shown = [
            number
            for number in range(len(self.created), 0, -1)
            if time.monotonic() - self._started[number] >= self.listed_after
        ]
        data = [self._job(number, "running") for number in shown]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["job"]
        if name in self.paused:
            status = "paused"
        elif self.statuses:
            status = self.statuses.pop(0)
        else:
            status = "failed" if self.error else "succeeded"
        return web.json_response(self._job(int(name.removeprefix("ftjob-")), status))

    async def _change(self, request: web.Request) -> web.Response:
        name, what = request.match_info["job"], request.match_info["what"]
        if what != "cancel" and not self.quirks.pauses:
            return self._script.refusal(404)
        if what == "cancel" and self.refuses_cancel:
            return self._script.refusal(400)
        if what == "pause":
            self.paused.add(name)
        elif what == "resume":
            self.paused.discard(name)
            self.resumed.append(name)
        else:
            self.cancelled.add(name)
        return web.json_response(self._job(int(name.removeprefix("ftjob-")), "running"))

    def _job(self, number: int, status: str) -> dict[str, Any]:
        body = self.created[number - 1]
        error = {"code": "bad", "message": self.error, "param": None} if self.error else None
        shown = {
            "id": f"ftjob-{number}",
            "object": "fine_tuning.job",
            "created_at": self._script.now,
            "model": body["model"],
            "status": status,
            "fine_tuned_model": f"ft:tiny:{number}"
            if status == "succeeded" and self.quirks.names_model
            else None,
            "error": error,
            "hyperparameters": _hyperparameters(body),
            "organization_id": "org",
            "result_files": [],
            "seed": 0,
            "trained_tokens": 10_000 if self.tells_tokens else None,
        }
        if "reference_file" in body and len(self.reference_losses) >= number:
            before, after = self.reference_losses[number - 1]
            shown["reference_loss"] = {"before": before, "after": after}
        if self.quirks.keeps_metadata:
            shown["metadata"] = body.get("metadata")
        if self.quirks.shows_training_file:
            shown["training_file"] = body["training_file"]
        if self.quirks.suffix_shown:
            shown[self.quirks.suffix_shown] = body.get("suffix", "")[: self.quirks.suffix_kept]
        return shown

    async def _checkpoints(self, request: web.Request) -> web.Response:
        data = [
            {
                "id": f"ftckpt-{number}",
                "object": "fine_tuning.job.checkpoint",
                "created_at": self._script.now,
                "fine_tuned_model_checkpoint": name,
                "fine_tuning_job_id": request.match_info["job"],
                "metrics": {},
                "step_number": number,
            }
            for number, name in enumerate(self.checkpoints, 1)
        ]
        return web.json_response({"object": "list", "data": data, "has_more": False})

    async def _events(self, _request: web.Request) -> web.Response:
        if not self.events_kept:
            return self._script.refusal(404)
        data = [
            {
                "id": f"e{step}",
                "object": "fine_tuning.job.event",
                "created_at": step,
                "level": "info",
                "message": "",
                "type": "metrics",
                "data": {
                    "step": step,
                    "total_steps": 20,
                    "full_valid_loss": loss,
                    **({"train_loss": 2.0} if step else {}),
                },
            }
            for step, loss in self.losses
        ]
        return web.json_response({"object": "list", "data": data, "has_more": False})


def _hyperparameters(body: dict[str, Any]) -> dict[str, Any]:
    """Return the hyperparameters, from either place in a request."""
    method = body.get("method") or {}
    inner: dict[str, Any] = (method.get(method.get("type")) or {}).get("hyperparameters") or {}
    return inner or body.get("hyperparameters") or {}


def lines(content: bytes) -> list[Any]:
    """Return the examples of an uploaded file."""
    return [json.loads(line) for line in content.removeprefix(_BOM).decode().splitlines()]
