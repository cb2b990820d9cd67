"""What the monitoring server answers: metrics for Prometheus, and health."""

from collections.abc import Iterator

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.app import App
from bot.monitoring.collectors import InstallationCollector, bot_metrics, process_metrics
from bot.monitoring.gateway import Gateway
from bot.monitoring.health import Heartbeat, readiness


class _CollectedMetrics(Collector):
    """Metrics that were collected already: reading the database is asynchronous, and a registry is not."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        yield from self._metrics


class MonitoringServer:
    """The handlers. gateway: the bot's connection to Discord, None in a worker."""

    def __init__(self, app: App, gateway: Gateway | None, heartbeat: Heartbeat) -> None:
        self._app = app
        self._gateway = gateway
        self._heartbeat = heartbeat
        self._installation = InstallationCollector(app)

    async def aclose(self) -> None:
        """End what is being counted for metrics."""
        await self._installation.aclose()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/metrics", self.metrics),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
        ]

    async def metrics(self, _: web.Request) -> web.Response:
        """Answer the metrics; those of the whole installation in the bot alone, so that none comes twice."""
        found = list(process_metrics(self._app, self._heartbeat.lag))
        if self._gateway is not None:
            found += bot_metrics(self._app, self._gateway)
            found += await self._installation.collect()
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_CollectedMetrics(found))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def livez(self, _: web.Request) -> web.Response:
        """Answer 200: an event loop that stands still gives no answer."""
        return web.json_response({"status": "ok"})

    async def readyz(self, _: web.Request) -> web.Response:
        """Answer 200 if everything that an answer needs is there, else 503; and what is missing."""
        checks = await readiness(self._app, self._gateway)
        ready = all(checks.values())
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return web.json_response(body, status=200 if ready else 503)
