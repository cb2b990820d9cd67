"""The monitoring server: /metrics for Prometheus, /livez and /readyz for who supervises the process."""

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.app import App
from bot.errors import OperatorError
from bot.monitoring.collectors import Gateway, bot_metrics, installation_metrics, process_metrics
from bot.monitoring.health import Heartbeat, readiness

log = logging.getLogger(__name__)


class _Found(Collector):
    """Metrics that were found already: reading the database is asynchronous, and a scrape is not."""

    def __init__(self, found: list[Metric]) -> None:
        self._found = found

    def collect(self) -> Iterator[Metric]:
        yield from self._found


class MonitoringServer:
    """The handlers. gateway: the bot's connection to Discord, None in a worker."""

    def __init__(self, app: App, gateway: Gateway | None) -> None:
        self._app = app
        self._gateway = gateway
        self.heartbeat = Heartbeat()

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/metrics", self.metrics),
            web.get("/livez", self.livez),
            web.get("/readyz", self.readyz),
        ]

    async def metrics(self, _: web.Request) -> web.Response:
        """Answer the metrics; those of the whole installation in the bot alone, so that none comes twice."""
        found = list(process_metrics(self._app, self.heartbeat.lag))
        if self._gateway is not None:
            found += bot_metrics(self._app, self._gateway)
            found += await installation_metrics(self._app)
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        registry.register(_Found(found))
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def livez(self, _: web.Request) -> web.Response:
        """Answer 200 while the event loop beats, else 503: only a restart helps."""
        alive = self.heartbeat.is_alive
        return web.json_response({"status": "ok" if alive else "stuck"}, status=200 if alive else 503)

    async def readyz(self, _: web.Request) -> web.Response:
        """Answer 200 if everything that an answer needs is there, else 503; and what is missing."""
        checks = await readiness(self._app, self._gateway)
        ready = all(checks.values())
        body = {"status": "ready" if ready else "not ready", "checks": checks}
        return web.json_response(body, status=200 if ready else 503)


@asynccontextmanager
async def open_monitoring(
    app: App, gateway: Gateway | None = None, *, port: int | None = None
) -> AsyncIterator[str | None]:
    """Serve metrics and health during the block if METRICS_PORT is set. Yield the address, or None.

    port: another one than the setting's, 0 for a free one. Raises OperatorError if it is taken.
    """
    host = app.settings.metrics_host
    wanted = app.settings.metrics_port if port is None else port
    if port is None and not wanted:
        yield None
        return
    server = MonitoringServer(app, gateway)
    application = web.Application()
    application.add_routes(server.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, wanted).start()
        except OSError as error:
            raise OperatorError(
                f"METRICS_PORT: {host}, port {wanted}, cannot be listened on ({error.strerror or error}). "
                "Choose another port, or 0 for no metrics."
            ) from error
        address = f"http://{host}:{runner.addresses[0][1]}"
        log.info("metrics and health at %s", address)
        async with server.heartbeat.beating():
            yield address
    finally:
        await runner.cleanup()
