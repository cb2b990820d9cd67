"""The Batch API of the scripted server. Batches complete at once, or when a test releases them."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from tests.support.scripted_server import Script


@dataclass
class ScriptedQueue:
    """A limit on the tokens of all batches that are not over.

    status: of the refusal to start a batch; without one, the batch is started and fails.
    """

    limit: int
    message: str = "Enqueued token limit reached"
    code: str | None = None
    status: int | None = None
    others: list[int] = field(default_factory=list)  # tokens of others' batches, at each start in turn
    most: int = 0  # of our tokens at once

    def refusal(self, tokens: int, enqueued: int) -> str | None:
        """Return why a batch is refused, None if it fits."""
        if enqueued + tokens + (self.others.pop(0) if self.others else 0) > self.limit:
            return self.message
        self.most = max(self.most, enqueued + tokens)
        return None


class ScriptedBatches:
    """How the server treats batches, and which it has received."""

    def __init__(self, script: "Script") -> None:
        self._script = script
        self.created: list[dict[str, Any]] = []
        self.cancelled: set[str] = set()
        self.held = False  # whether batches stay in progress
        self.lost_starts = 0  # how many of the next batches start though the response is a 500
        self.unanswered = 0  # how many of the next requests get an error in place of an answer
        self.refusal: str | None = None  # the error of every batch
        self.others = 0  # how many newer batches the list begins with
        self.write_lines: Callable[[list[bytes]], bytes] = b"\n".join
        self.unknown = False  # whether the server refuses the files of batches
        self.polls = 0  # how many polls of each batch find it in progress
        self.queue: ScriptedQueue | None = None
        self._polled: Counter[str] = Counter()
        self.refused: set[str] = set()  # batches that the queue refused

    def serve(self, app: web.Application) -> None:
        """Add the routes to a server."""
        app.router.add_post("/v1/batches", self._create)
        app.router.add_get("/v1/batches", self._list)
        app.router.add_get("/v1/batches/{batch}", self._get)
        app.router.add_post("/v1/batches/{batch}/cancel", self._cancel)
        app.router.add_get("/v1/files/{file}/content", self._content)

    @property
    def requests(self) -> list[str]:
        """The custom_ids of all requests of all batches, in order."""
        files = (self._script.files[batch["input_file_id"]] for batch in self.created)
        return [json.loads(line)["custom_id"] for file in files for line in file.splitlines()]

    async def _create(self, request: web.Request) -> web.Response:
        self.created.append(await request.json())
        number = len(self.created)
        refusal = self.queue.refusal(self._tokens(number), self._enqueued()) if self.queue else None
        if self.queue and refusal:
            self.refused.add(f"batch-{number}")
            if self.queue.status:
                return self._script.refusal(self.queue.status, refusal)
        if self.lost_starts:
            self.lost_starts -= 1
            return web.json_response({"error": {"message": "gone"}}, status=500)
        return web.json_response(self._batch(len(self.created)))

    def _enqueued(self) -> int:
        """Return the tokens of the batches that are not over yet, but for the newest."""
        open_ = (
            number for number in range(1, len(self.created)) if self._batch(number)["status"] == "in_progress"
        )
        return sum(map(self._tokens, open_))

    def _tokens(self, number: int) -> int:
        """Return the tokens of a batch's prompts, as a provider counts them."""
        lines = self._script.files[self.created[number - 1]["input_file_id"]].splitlines()
        return sum(
            len(each["content"]) // 4 for line in lines for each in json.loads(line)["body"]["messages"]
        )

    async def _list(self, request: web.Request) -> web.Response:
        newest_first = [self._batch(number) for number in range(len(self.created), 0, -1)]
        other = self._batch(1) | {"metadata": None} if self.created else {}
        batches = [other | {"id": f"other-{number}"} for number in range(self.others) if other]
        batches += newest_first
        ids = [batch["id"] for batch in batches]
        start = ids.index(request.query["after"]) + 1 if "after" in request.query else 0
        page = batches[start : start + int(request.query.get("limit", 20))]
        has_more = start + len(page) < len(batches)
        return web.json_response({"object": "list", "data": page, "has_more": has_more})

    async def _get(self, request: web.Request) -> web.Response:
        name = request.match_info["batch"]
        response = web.json_response(self._batch(int(name.removeprefix("batch-"))))
        self._polled[name] += 1
        return response

    async def _cancel(self, request: web.Request) -> web.Response:
        name = request.match_info["batch"]
        self.cancelled.add(name)
        return web.json_response(self._batch(int(name.removeprefix("batch-"))))

    def _batch(self, number: int) -> dict[str, Any]:
        name = f"batch-{number}"
        running = self.held or self._polled[name] < self.polls
        status = "cancelled" if name in self.cancelled else "in_progress" if running else "completed"
        errors = None
        if self.queue and name in self.refused:
            error = {"message": self.queue.message, "code": self.queue.code}
            status, errors = "failed", {"object": "list", "data": [error]}
        if self.refusal:
            status, errors = "failed", {"object": "list", "data": [{"message": self.refusal}]}
        return {
            "id": name,
            "object": "batch",
            "completion_window": "24h",
            "created_at": 1,
            "endpoint": "/v1/chat/completions",
            "input_file_id": self.created[number - 1]["input_file_id"],
            "metadata": self.created[number - 1].get("metadata"),
            "status": status,
            "errors": errors,
            "output_file_id": f"output-{number}" if status == "completed" else None,
            "request_counts": {"completed": 0, "failed": 0, "total": 1},
        }

    async def _content(self, request: web.Request) -> web.Response:
        name = request.match_info["file"]
        if name in self._script.files:
            return web.Response(body=self._script.files[name])
        number = int(name.removeprefix("output-"))
        asked = self._script.files[self.created[number - 1]["input_file_id"]]
        results = [self._result(json.loads(line)) for line in asked.splitlines()]
        lines = [json.dumps(each, ensure_ascii=False).encode() for each in reversed(results)]  # in any order
        return web.Response(body=self.write_lines(lines))

    def _result(self, line: dict[str, Any]) -> dict[str, Any]:
        if self.unanswered:
            self.unanswered -= 1
            return {"custom_id": line["custom_id"], "response": None, "error": {"code": "batch_expired"}}
        self._script.asked.append(line["body"])
        number = len(self._script.asked)
        text = self._script.texts.pop(0) if self._script.texts else self._script.fitting(line["body"], number)
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": 20, "completion_tokens": 100}
        body = self._script.reshape({"choices": [choice], "usage": usage})
        return {"custom_id": line["custom_id"], "response": {"status_code": 200, "body": body}, "error": None}
