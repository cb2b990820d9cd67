"""What the engine counts about itself, for Prometheus."""

from collections import Counter as Tally
from collections.abc import Iterator
from typing import get_args

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.inference.completion import Answer
from engine.inference.model_cache import Residents
from engine.inference.slots import Slots
from engine.jobs.queue import Jobs
from engine.jobs.schema import Status

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
_CLIENT_GONE = 499  # as nginx has it; nobody is left to read it
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The measurements of one application, in a registry of their own."""

    def __init__(self, slots: Slots, residents: Residents, jobs: Jobs) -> None:
        """Begin at zero; what `slots`, `residents` and `jobs` know is asked of them at each scrape."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_State(slots, residents, jobs))
        self._requests = Counter(
            "engine_http_requests",
            "Requests by route; the status is 499 where the client left before the answer's end",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "engine_chat_seconds",
            "From a chat's request to its last token, complete chats only",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._first_token = Histogram(
            "engine_chat_first_token_seconds",
            "From a chat's request to its first token, complete chats only",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._prompt = Counter(
            "engine_chat_prompt_tokens",
            "Tokens read in complete chats",
            ("model",),
            registry=self.registry,
        )
        self._completion = Counter(
            "engine_chat_completion_tokens",
            "Tokens written in complete chats",
            ("model",),
            registry=self.registry,
        )

    @web.middleware
    async def counted(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request under its route's template (`/v1/files/{id}`), so that the labels stay few."""
        method = request.method if request.method in _METHODS else "other"
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        status = _CLIENT_GONE
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            self._requests.labels(method, route, status).inc()

    def count_chat(self, answer: Answer) -> None:
        """Count a complete answer of a known model."""
        self._seconds.labels(answer.model).observe(answer.seconds)
        if answer.first_token_seconds is not None:
            self._first_token.labels(answer.model).observe(answer.first_token_seconds)
        self._prompt.labels(answer.model).inc(answer.prompt_tokens)
        self._completion.labels(answer.model).inc(answer.completion_tokens)

    def forget(self, model: str) -> None:
        """Drop the figures of a model that was deleted."""
        for metric in (self._seconds, self._first_token, self._prompt, self._completion):
            metric.remove_by_labels({"model": model})


class _State(Collector):
    """What is known elsewhere and only looked up."""

    def __init__(self, slots: Slots, residents: Residents, jobs: Jobs) -> None:
        self._slots = slots
        self._residents = residents
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "engine_chat_answers_running", "Answers in the making", value=self._slots.running
        )
        yield GaugeMetricFamily(
            "engine_chat_answers_waiting", "Answers that wait for a slot", value=self._slots.waiting
        )
        yield CounterMetricFamily(
            "engine_chats_refused", "Chats sent away because too many waited", value=self._slots.refused
        )
        yield GaugeMetricFamily(
            "engine_resident_models", "Models in memory or on the way there", value=self._residents.count
        )
        jobs = GaugeMetricFamily("engine_fine_tuning_jobs", "Fine-tuning jobs by status", labels=["status"])
        tally = Tally(job.status for job in self._jobs.all())
        for status in get_args(Status):
            jobs.add_metric([status], tally[status])
        yield jobs
