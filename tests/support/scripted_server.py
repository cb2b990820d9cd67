"""A model server with scripted answers: OpenAI's API shape over real HTTP."""

import asyncio
import json
import re
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from aiohttp import web

from tests.support.scripted_batches import ScriptedBatches
from tests.support.scripted_stream import ScriptedStream
from tests.support.scripted_trainings import ScriptedTrainings

_AUTHOR = re.compile(
    r"an? (?P<age>\d+)-year-old (?P<gender>\w+) fictional character "
    r"who has the superpower of (?P<power>.+?)\."
)
_TUNED = re.compile(r"(?P<age>\d+), (?P<gender>\w+), (?P<power>.+) ->")


_WORKS = (
    "mends clocks in a harbour town and sleeps above the quiet workshop",
    "bakes dark bread for a whole street and rises long before dawn",
    "drives the last bus of the night and knows every tired passenger",
    "keeps bees on a library roof and reads to them on Sundays",
    "teaches the violin to shepherds and never once raises a voice",
    "paints signs for small shops and signs none of the work",
    "repairs fishing nets on the pier and sings against the gulls",
)
_LOOKS = (
    "a grey coat with deep pockets full of chalk, string and maps",
    "a yellow scarf that friends can find in any crowd of strangers",
    "rubber boots in every season and a flower in the buttonhole",
    "two watches that disagree, and trusts neither of them after lunch",
    "a waistcoat with eleven pockets and loses letters in all of them",
    "the plainest hat of the valley and a ring of old silver",
    "gloves of different colours and apologises to the furniture at times",
)


def describe(age: str, gender: str, power: str, variant: int = 0) -> str:
    """Return a description that passes curation; each variant reads differently."""
    he = {"man": "He", "woman": "She"}.get(gender, "They")
    work, look = _WORKS[variant % 7], _LOOKS[variant // 7 % 7]
    return (
        f"Robin is a {age}-year-old {gender} with the power of {power}. "
        f"{he} lives in street {variant}, {work}. "
        f"{he} keeps the gift of {power} quiet, because the town talks. {he} wears {look}. "
        f"When somebody calls for help, {he.lower()} is there before the kettle boils."
    )


Writer = Callable[[str, str, str, int], str]
"""Writes a text of a hero: age, gender, power, and the request's seed (its number if it has none)."""

Fault = int | Literal["hang", "half", "drop", "page"]  # a status, or a failure of the connection


@dataclass
class Script:
    """What the server will do, and the requests it received."""

    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)  # statuses of the next chat answers
    texts: list[str] = field(default_factory=list)  # the next answers, in place of generated ones
    writers: dict[str, "Writer"] = field(default_factory=dict)  # by model, in place of describe()
    author_prompt: re.Pattern[str] = _AUTHOR  # with the groups age, gender and power
    finish_reason: str = "stop"
    reshape: Callable[[dict[str, Any]], object] = lambda completion: completion  # of each whole answer
    log_probs: dict[str, float] | None = field(default_factory=dict)  # of each word, by model; None: not told
    scored: list[dict[str, Any]] = field(default_factory=list)  # the texts whose log-probability was asked
    unknown_models: set[str] = field(default_factory=set)
    failure_code: str | None = None
    retry_after: str | None = None
    refused: dict[str, str] = field(default_factory=dict)  # refused parameters, with the messages
    cut: int = 0  # how many of the next answers end half-way
    same: int = 0  # how many of the next answers differ only in the hero
    delay: float = 0.0  # seconds that an answer takes
    may_answer: asyncio.Event = field(default_factory=asyncio.Event)  # chats wait while a test has it cleared
    flagged: set[str] = field(default_factory=set)  # words that moderation flags
    log_prob: Callable[[str], float] | None = None  # of each word of a scored text, in place of log_probs
    answering: int = 0  # chats in progress now
    most_answering: int = 0
    rate_limited: int = 0  # chats refused by the limit
    limit: "RateLimit | None" = None
    faults: dict[str, list["Fault"]] = field(
        default_factory=lambda: defaultdict(list)
    )  # by "GET /v1/files" and so on
    on_request: "Callable[[str, web.Request], None] | None" = (
        None  # called with "before" and "after" for each request
    )
    stream: ScriptedStream = field(default_factory=ScriptedStream)
    batches: "ScriptedBatches" = field(init=False)
    trainings: "ScriptedTrainings" = field(init=False)

    def __post_init__(self) -> None:
        self.may_answer.set()
        self.batches = ScriptedBatches(self)
        self.trainings = ScriptedTrainings(self)

    def continue_from(self, other: "Script") -> None:
        """Know what another server was asked and has trained: an installation moves from it to this one."""
        self.asked.extend(other.asked)
        self.files.update(other.files)
        self.trainings.continue_from(other.trainings)

    @property
    def now(self) -> int:
        return int(time.time())

    @property
    def fault_middleware(self) -> Any:
        """Middleware that answers with the faults that a test has ordered, and calls on_request."""

        @web.middleware
        async def middleware(
            request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
        ) -> web.StreamResponse:
            if self.on_request:
                self.on_request("before", request)
            path = re.sub(r"ftjob-\d+|file-\d+", "ID", request.path)
            faults = self.faults[f"{request.method} {path}"]
            if faults:
                return await self._fail(request, faults.pop(0))
            response = await handler(request)
            if self.on_request:
                self.on_request("after", request)
            return response

        return middleware

    async def _fail(self, request: web.Request, fault: Fault) -> web.StreamResponse:
        if isinstance(fault, int):
            return self.refusal(fault)
        if fault == "hang":
            await asyncio.sleep(3600)
        if fault == "page":
            return web.Response(text="<html>We are back soon.</html>", content_type="text/html")
        if fault == "half":
            return await _send_half(request, b'{"object": "list", "data": [' + b" " * 100)
        assert request.transport
        request.transport.close()
        return web.Response()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        self.asked.append(body)
        number = len(self.asked)
        self.answering += 1
        self.most_answering = max(self.most_answering, self.answering)
        try:
            await asyncio.sleep(self.delay)
            await self.may_answer.wait()
            return await self._answer(request, body, number)
        finally:
            self.answering -= 1

    async def _answer(self, request: web.Request, body: dict[str, Any], number: int) -> web.StreamResponse:
        headers = self.limit.take() if self.limit else {}
        if self.limit and not headers:
            self.rate_limited += 1
            return self.refusal(429)
        refusal = self._refusal_of(body)
        if refusal:
            return refusal
        text = self.texts.pop(0) if self.texts else self.fitting(body, number)
        usage = {"prompt_tokens": 20, "completion_tokens": len(text.split()), "total_tokens": 0}
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": self.finish_reason}
        completion = {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [choice],
            "usage": usage,
        }
        cut, self.cut = self.cut > 0, max(0, self.cut - 1)
        if body.get("stream"):
            return await self.stream.send(request, headers, completion, cut=cut)
        if cut:
            return await _send_half(request, json.dumps(completion).encode())
        return web.json_response(self.reshape(completion), headers=headers)

    def _refusal_of(self, body: dict[str, Any]) -> web.Response | None:
        if body["model"] in self.unknown_models:
            return self.refusal(404)
        for name, message in self.refused.items():
            if name in body:
                return self.refusal(400, message, param=None if "detail" in message else name)
        return self.refusal(self.failures.pop(0)) if self.failures else None

    async def score(self, request: web.Request) -> web.StreamResponse:
        """Tell the log-probability of each word of the last message: -1, or what the script says."""
        body = await request.json()
        self.scored.append(body)
        if self.log_probs is None:  # as an engine of an older version answers
            error = {"message": "There is no such path.", "type": "scripted", "code": "invalid_url"}
            return web.json_response({"error": error}, status=404)
        if body["model"] in self.unknown_models:
            return self.refusal(404)
        each = self.log_probs.get(body["model"], -1.0)
        words = body["messages"][-1]["content"].split()
        found = [self.log_prob(word) if self.log_prob else each for word in words]
        return web.json_response({"object": "chat.log_probs", "log_probs": found})

    async def moderate(self, request: web.Request) -> web.Response:
        body = await request.json()
        flagged = any(word in body["input"] for word in self.flagged)
        result = {
            "flagged": flagged,
            "categories": {},
            "category_scores": {},
            "category_applied_input_types": {},
        }
        return web.json_response({"id": "modr-1", "model": "m", "results": [result]})

    def fitting(self, body: dict[str, Any], number: int) -> str:
        """Return a description of the hero that a request asks for."""
        last = next(m["content"] for m in reversed(body["messages"]) if m["role"] == "user")
        match = _TUNED.search(last) or self.author_prompt.search(last)
        assert match, last
        age, gender, power = match.group("age", "gender", "power")
        variant = 0 if self.same > 0 else number
        self.same -= 1
        if body["messages"][-1]["role"] == "assistant":  # it continues a given opening
            cat = "z" + "".join(
                chr(ord("a") + int(digit)) for digit in str(variant)
            )  # digits are not accepted
            return f" bring everyone home safely, even {cat}. The rest is not asked for."
        write = self.writers.get(body["model"], describe)
        return write(age, gender, power, body.get("seed", variant) if write is not describe else variant)

    def refusal(self, status: int, message: str = "secret detail", param: str | None = None) -> web.Response:
        error = {"message": message, "type": "scripted", "param": param, "code": self.failure_code}
        headers = {"Retry-After": self.retry_after} if self.retry_after else None
        return web.json_response({"error": error}, status=status, headers=headers)


async def _send_half(request: web.Request, body: bytes) -> web.StreamResponse:
    """Announce a body, and close the connection in the middle of it."""
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    response.content_length = len(body)
    await response.prepare(request)
    await response.write(body[: len(body) // 2])
    if request.transport:
        request.transport.close()
    return response


class RateLimit:
    """A limit as OpenAI's: at most `capacity` calls at once, refilled by `per_second`."""

    def __init__(self, capacity: int, per_second: float) -> None:
        self.capacity = capacity
        self.per_second = per_second
        self._remaining = float(capacity)
        self._updated_at = time.monotonic()

    def take(self) -> dict[str, str]:
        """Take one call. Returns the rate-limit headers, or none if the limit is exhausted."""
        now = time.monotonic()
        self._remaining = min(self.capacity, self._remaining + (now - self._updated_at) * self.per_second)
        self._updated_at = now
        if self._remaining < 1:
            return {}
        self._remaining -= 1
        return {
            "x-ratelimit-limit-requests": str(self.capacity),
            "x-ratelimit-remaining-requests": str(int(self._remaining)),
            "x-ratelimit-reset-requests": f"{(self.capacity - self._remaining) / self.per_second:.3f}s",
        }


@asynccontextmanager
async def scripted_server() -> AsyncIterator[Script]:
    """Serve on a free port of this machine until the block ends."""
    script = Script()
    app = web.Application(middlewares=[script.fault_middleware])
    app.router.add_post("/v1/chat/completions", script.chat)
    app.router.add_post("/v1/chat/log_probs", script.score)
    app.router.add_post("/v1/moderations", script.moderate)
    script.batches.serve(app)
    script.trainings.serve(app)
    runner = web.AppRunner(app, shutdown_timeout=0.1)  # do not wait for hung answers
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        script.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
        yield script
    finally:
        await runner.cleanup()
