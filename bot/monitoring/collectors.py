"""Collectors: what the services of a process have counted, and what its database holds, as metrics."""

import asyncio
import logging
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)

from bot.app import App
from bot.errors import HerosmithError
from bot.histogram import Histogram
from bot.leases import LEADER
from bot.monitoring.gateway import Gateway
from bot.rating.sequential_test import EVIDENCE_THRESHOLD, TESTS
from bot.refreshed import Refreshed
from bot.store import statistics
from bot.store.statistics import State, TableCounts

log = logging.getLogger(__name__)

# a metric's labels, in the order of their names
Labels = TypeVar("Labels", bound=tuple[str, ...])
Family = TypeVar("Family", GaugeMetricFamily, CounterMetricFamily)

_DATABASE_TIMEOUT = 5.0  # seconds; Prometheus waits for ten
_COUNT_INTERVAL = 60.0  # seconds between two counts of whole tables
_COUNT_PATIENCE = 2.0  # seconds for which a scrape waits for the first count


def process_metrics(app: App, lag: Histogram) -> Iterator[Metric]:
    """Yield what every process of the bot has: the event loop, calls of models, waits for the database."""
    yield _histogram(
        "herosmith_event_loop_lag_seconds", "How much later than asked for the event loop ran", (), {(): lag}
    )
    waits = app.db.waits
    yield _histogram(
        "herosmith_database_wait_seconds",
        "Time until a transaction could begin",
        ("access",),
        {("write",): waits.write, ("read",): waits.read},
    )
    yield CounterMetricFamily(
        "herosmith_database_busy",
        "Transactions that another program, or a full disk, kept from beginning or ending",
        value=waits.busy,
    )
    calls = app.client.statistics
    yield _counter("herosmith_model_calls", "Answers asked of models", ("model", "outcome"), calls.outcomes)
    yield _histogram(
        "herosmith_model_call_seconds",
        "Time until a model's answer, retries included",
        ("model",),
        {(model,): histogram for model, histogram in calls.seconds.items()},
    )
    for kind, tokens in (("prompt", calls.prompt_tokens), ("completion", calls.completion_tokens)):
        yield _counter(
            f"herosmith_model_{kind}_tokens",
            f"{kind.capitalize()} tokens of models' answers",
            ("model",),
            {(model,): number for model, number in tokens.items()},
        )


def bot_metrics(app: App, gateway: Gateway) -> Iterator[Metric]:
    """Yield what only the bot has: Discord, interactions, the waiting queue."""
    yield _gauge("herosmith_gateway_connected", "Whether Discord's gateway is connected", gateway.connected)
    yield _gauge(
        "herosmith_gateway_latency_seconds",
        "Time until Discord answers a heartbeat",
        gateway.latency if math.isfinite(gateway.latency) else None,
    )
    yield _gauges(
        "herosmith_shard_connected",
        "Whether a shard of this process is connected to Discord's gateway",
        ("shard",),
        {(str(shard),): connected for shard, connected in gateway.shard_states.items()},
    )
    yield _gauges(
        "herosmith_shard_latency_seconds",
        "Time until Discord answers a heartbeat of a shard",
        ("shard",),
        {
            (str(shard),): latency
            for shard, latency in gateway.shard_latencies.items()
            if math.isfinite(latency)
        },
    )
    yield _gauge(
        "herosmith_leader",
        "Whether this process syncs commands and keeps the schedules; of several, one does",
        app.leases.has(LEADER),
    )
    yield _gauge(
        "herosmith_guilds", "Servers that the bot is in, of this process's shards", gateway.guild_count
    )
    interactions = gateway.interactions
    yield _counter(
        "herosmith_interactions",
        "Commands, buttons, forms and mentions",
        ("command", "outcome"),
        interactions.outcomes,
    )
    yield _histogram(
        "herosmith_interaction_acknowledgement_seconds",
        "Time until Discord has the first answer; it waits for three seconds",
        ("command",),
        {(name,): histogram for name, histogram in interactions.acknowledgements.items()},
    )
    yield _histogram(
        "herosmith_interaction_answer_seconds",
        "Time until the whole answer is shown",
        ("command",),
        {(name,): histogram for name, histogram in interactions.answers.items()},
    )
    queue = app.waiting_queue
    yield _gauge("herosmith_generations_running", "Descriptions that models write now", queue.running)
    yield _gauge("herosmith_generations_waiting", "Requests that wait for a model", queue.length)


class InstallationCollector:
    """Reads what the database holds.

    Counts of whole tables take longer as these grow, and a scrape comes every 15 seconds: they are read once
    a minute or, if that takes long, less often. No scrape waits long for them: the first ones are without.
    """

    def __init__(
        self, app: App, *, interval: float = _COUNT_INTERVAL, patience: float = _COUNT_PATIENCE
    ) -> None:
        """interval: seconds between two counts of tables. patience: seconds to wait for the first one."""
        self._app = app
        self._patience = patience
        self._counts = Refreshed[TableCounts](lifetime=interval, most=1)

    async def aclose(self) -> None:
        """End what is being counted."""
        await self._counts.aclose()

    async def collect(self) -> list[Metric]:
        """Return what the database holds, and whether it can be read."""
        app = self._app
        try:
            async with asyncio.timeout(_DATABASE_TIMEOUT):
                counts = await self._counts.get_within(None, self._count_tables, self._patience)
                async with app.db.read() as tx:
                    state = await statistics.get_state(tx, now=time.time())
                remaining = await app.budget.remaining_today()
        except (HerosmithError, TimeoutError) as error:
            log.warning("the metrics of the database cannot be read: %s", error or "no answer in time")
            return [_gauge("herosmith_database_readable", "Whether the database can be read", 0)]
        return [
            _gauge("herosmith_database_readable", "Whether the database can be read", 1),
            *(_votes(counts) if counts else ()),
            *_models_and_jobs(state),
            *_budget(state, app.settings.daily_budget, remaining),
            *_trial(state),
        ]

    async def _count_tables(self) -> TableCounts:
        async with self._app.db.read() as tx:
            return await statistics.get_table_counts(tx)


def _votes(counts: TableCounts) -> Iterator[Metric]:
    yield _gauge("herosmith_descriptions", "Descriptions that were shown", counts.descriptions)
    yield _gauges(
        "herosmith_votes", "Thumbs that stand", ("value",), {(name,): n for name, n in counts.votes.items()}
    )
    yield _gauge("herosmith_duels", "Duels that were shown", counts.duels)
    yield _gauges(
        "herosmith_duel_votes",
        "Votes in duels, by whether they count in the trial",
        ("counts",),
        {(str(counted).lower(),): number for counted, number in counts.duel_votes.items()},
    )


def _models_and_jobs(state: State) -> Iterator[Metric]:
    yield _gauges(
        "herosmith_models",
        "Tuned models by state",
        ("state",),
        {(name,): number for name, number in state.models.items()},
    )
    yield _gauges("herosmith_jobs", "Builds and trainings by state", ("kind", "state"), state.jobs)
    yield _gauges(
        "herosmith_job_age_seconds",
        "Time since the oldest active job of a kind was ordered",
        ("kind", "state"),
        state.job_ages,
    )
    yield _gauges(
        "herosmith_job_heartbeat_age_seconds",
        "Time since a worker wrote that it works on a running job of a kind, the longest",
        ("kind",),
        {(kind,): age for kind, age in state.heartbeat_ages.items()},
    )
    yield _gauge(
        "herosmith_notifications_pending", "Messages to admins that are not sent yet", state.notifications
    )


def _budget(state: State, daily: float | None, remaining: float | None) -> Iterator[Metric]:
    yield _gauges(
        "herosmith_spent_today_dollars",
        "US dollars spent since midnight (UTC)",
        ("purpose",),
        {(purpose,): cost for purpose, cost in state.spent_today.items()},
    )
    yield _gauge("herosmith_daily_budget_dollars", "US dollars that a day may cost (DAILY_BUDGET)", daily)
    yield _gauge(
        "herosmith_daily_budget_remaining_dollars",
        "US dollars left of the day's budget, without what runs",
        remaining,
    )


def _trial(state: State) -> Iterator[Metric]:
    trial, tally = state.trial or (None, None)
    yield _gauge(
        "herosmith_trial_running", "Whether a candidate challenges the live model", trial is not None
    )
    chosen = {"candidate": tally.wins, "live": tally.losses, "tie": tally.ties} if tally else {}
    yield _gauges(
        "herosmith_trial_votes",
        "Votes of the running trial: those that count for a model, and ties",
        ("chosen",),
        {(name,): number for name, number in chosen.items()},
    )
    yield _gauge(
        "herosmith_trial_evidence",
        f"Evidence of the running trial; {EVIDENCE_THRESHOLD:.0f} decides it",
        TESTS[trial.test].evidence(tally.wins, tally.losses) if trial and tally else None,
    )


def _gauge(name: str, text: str, value: float | None) -> GaugeMetricFamily:
    """Return a gauge; if the value is None, one that is described, but has none."""
    return _gauges(name, text, (), {} if value is None else {(): value})


def _gauges(name: str, text: str, labels: Iterable[str], values: Mapping[Labels, float]) -> GaugeMetricFamily:
    return _filled(GaugeMetricFamily(name, text, labels=tuple(labels)), values)


def _counter(
    name: str, text: str, labels: Iterable[str], values: Mapping[Labels, float]
) -> CounterMetricFamily:
    return _filled(CounterMetricFamily(name, text, labels=tuple(labels)), values)


def _filled(family: Family, values: Mapping[Labels, float]) -> Family:
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _histogram(
    name: str, text: str, labels: Iterable[str], values: Mapping[Labels, Histogram]
) -> HistogramMetricFamily:
    family = HistogramMetricFamily(name, text, labels=tuple(labels))
    for key, histogram in values.items():
        family.add_metric(key, histogram.buckets(), histogram.total)
    return family
