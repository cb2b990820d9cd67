"""The monitoring server: /metrics for Prometheus, /livez and /readyz for supervisors of the process."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from aiohttp import web
from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from bot.app import App
from bot.errors import OperatorError
from bot.monitoring.collectors import Gateway, InstallationCollector, bot_metrics, process_metrics
from bot.monitoring.health import Heartbeat, readiness

log = logging.getLogger(__name__)


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


@asynccontextmanager
async def open_monitoring(
    app: App, gateway: Gateway | None = None, *, port: int | None = None
) -> AsyncIterator[str | None]:
    """Watch the event loop during the block, and serve metrics and health if METRICS_PORT is set.

    Yield the address, or None. gateway: the bot's connection to Discord, None in a worker. port: another one
    than the setting's, 0 for a free one. Raises OperatorError if it is taken.
    """
    host = app.settings.metrics_host
    wanted = app.settings.metrics_port if port is None else port
    heartbeat = Heartbeat()
    if port is None and not wanted:
        async with heartbeat.beating():
            yield None
        return
    server = MonitoringServer(app, gateway, heartbeat)
    application = web.Application()
    application.add_routes(server.routes())
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, wanted).start()
        except UnicodeError as error:  # of a name with a part that is too long
            raise OperatorError(_host_text(host, str(error))) from error
        except OSError as error:
            reason = error.strerror or str(error)
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                raise OperatorError(_host_text(host, reason)) from error
            raise OperatorError(
                f"METRICS_PORT: {host}, port {wanted}, cannot be listened on ({reason}). "
                "Choose another port, or 0 for no metrics."
            ) from error
        address = f"http://{host}:{runner.addresses[0][1]}"
        log.info("metrics and health at %s", address)
        async with heartbeat.beating():
            yield address
    finally:
        await runner.cleanup()


def _host_text(host: str, reason: str) -> str:
    return (
        f"METRICS_HOST: {host} is no address of this machine ({reason}). Leave it empty for 127.0.0.1, or "
        "write 0.0.0.0 for all networks of this machine."
    )
