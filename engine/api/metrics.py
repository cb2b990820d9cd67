"""Prometheus metrics: requests, chat latency and tokens, waiting chats, loaded models, jobs, batches."""

import collections
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from engine.batches.schema import Status as BatchStatus
from engine.batches.service import BatchService
from engine.inference.answer import Answer
from engine.inference.completion import ChatCompletion
from engine.inference.loaded_models import LoadedModels
from engine.inference.runtime_status import RuntimeStatus
from engine.inference.slots import Slots
from engine.jobs.schema import Status as JobStatus
from engine.jobs.service import JobService

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 40.0, 80.0)
_CLIENT_GONE = 499  # nginx's status for a client that disconnected; it is never sent
_FAILURES = (500, 503, 507)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """The metrics of one application, in a registry of their own."""

    def __init__(self, slots: Slots, loaded: LoadedModels, jobs: JobService, batches: BatchService) -> None:
        """Start all counters at zero; what the arguments hold is read at each scrape."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.registry.register(_StateCollector(slots, loaded, jobs, batches))
        self._requests = Counter(
            "engine_http_requests",
            "Requests by route; the status is 499 if the client disconnected before the end of the response",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "engine_chat_seconds",
            "Time from request to last token, completed chats only",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._first_token = Histogram(
            "engine_chat_first_token_seconds",
            "Time from request to first token, completed chats only",
            ("model",),
            buckets=_SECONDS,
            registry=self.registry,
        )
        self._prompt = Counter(
            "engine_chat_prompt_tokens",
            "Prompt tokens of completed chats",
            ("model",),
            registry=self.registry,
        )
        self._completion = Counter(
            "engine_chat_completion_tokens",
            "Generated tokens of completed chats",
            ("model",),
            registry=self.registry,
        )

    @web.middleware
    async def count_request(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Count a request by its route's template (`/v1/files/{id}`), to keep labels few (middleware)."""
        method = request.method if request.method in _METHODS else "other"
        resource = request.match_info.route.resource
        route = resource.canonical if resource else "none"
        for failure in _FAILURES:  # Prometheus sees no increase from nothing to one
            self._requests.labels(method, route, failure)
        status = _CLIENT_GONE
        try:
            response = await handler(request)
            status = response.status
            return response
        finally:
            self._requests.labels(method, route, status).inc()

    def count_answer(self, answer: Answer) -> None:
        """Count the chat completions of an answer that has ended without an error."""
        for chat in answer.chats:
            self._count_chat(chat)

    def _count_chat(self, completion: ChatCompletion) -> None:
        self._seconds.labels(completion.model).observe(completion.seconds)
        if completion.first_token_seconds is not None:
            self._first_token.labels(completion.model).observe(completion.first_token_seconds)
        self._prompt.labels(completion.model).inc(completion.prompt_tokens)
        self._completion.labels(completion.model).inc(completion.completion_tokens)

    def remove_model(self, model: str) -> None:
        """Remove the metrics of a model that was deleted."""
        for metric in (self._seconds, self._first_token, self._prompt, self._completion):
            metric.remove_by_labels({"model": model})


class _StateCollector(Collector):
    """Metrics that are read from other objects at each scrape."""

    def __init__(self, slots: Slots, loaded: LoadedModels, jobs: JobService, batches: BatchService) -> None:
        self._slots = slots
        self._loaded = loaded
        self._jobs = jobs
        self._batches = batches

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "engine_chat_answers_running", "Completions being generated", value=self._slots.running
        )
        yield GaugeMetricFamily(
            "engine_chat_answers_waiting", "Completions that wait for a slot", value=self._slots.waiting
        )
        yield GaugeMetricFamily(
            "engine_chat_answers_waiting_in_background",
            "Completions that give way to others, and have not begun",
            value=self._slots.waiting_in_background,
        )
        yield CounterMetricFamily(
            "engine_chats_refused", "Chats rejected because too many were waiting", value=self._slots.refused
        )
        yield GaugeMetricFamily(
            "engine_resident_models", "Models in memory or being loaded", value=self._loaded.count
        )
        yield from _of_runtime(self._loaded.runtime_status)
        yield _by_status(
            "engine_fine_tuning_jobs", "Fine-tuning jobs", JobStatus, (job.status for job in self._jobs.all())
        )
        yield _by_status(
            "engine_batches", "Batches", BatchStatus, (batch.status for batch in self._batches.all())
        )


def _of_runtime(status: RuntimeStatus) -> Iterator[Metric]:
    runtime = GaugeMetricFamily("engine_runtime", "What answers, where it can", labels=["name"])
    runtime.add_metric([status.name], 1)
    yield runtime
    answers = CounterMetricFamily(
        "engine_runtime_answers", "Answers to chats for GGUF files, by what began them", labels=["name"]
    )
    for name, number in status.answers.items():
        answers.add_metric([name], number)
    yield answers
    yield CounterMetricFamily(
        "engine_runtime_failovers",
        "Answers that llama.cpp gave because OpenVINO failed before their first word",
        value=status.failovers,
    )
    openvino = status.openvino  # without it the metrics are described, but have no values
    yield GaugeMetricFamily(
        "engine_openvino_models",
        "Models in the memory of OpenVINO's process",
        value=openvino.models if openvino else None,
    )
    yield GaugeMetricFamily(
        "engine_openvino_answers_running",
        "Completions that OpenVINO generates",
        value=openvino.completions if openvino else None,
    )
    yield GaugeMetricFamily(
        "engine_openvino_resident_bytes",
        "Memory of OpenVINO's process",
        value=openvino.resident_bytes if openvino else None,
    )
    yield CounterMetricFamily(
        "engine_openvino_crashes",
        "Crashes of OpenVINO's process",
        value=openvino.crashes if openvino else None,
    )


def _by_status(name: str, what: str, statuses: Any, found: Iterable[str]) -> GaugeMetricFamily:
    """Return how many things have each of the statuses, a Literal."""
    gauge = GaugeMetricFamily(name, f"{what} by status", labels=["status"])
    counts = collections.Counter(found)
    for status in get_args(statuses):
        gauge.add_metric([status], counts[status])
    return gauge
