"""The monitoring server: /metrics for Prometheus, /livez and /readyz for supervisors of the process."""

import errno
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app import App
from bot.errors import OperatorError
from bot.monitoring.gateway import Gateway
from bot.monitoring.health import Heartbeat

log = logging.getLogger(__name__)


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
    # loaded here: a bot without metrics needs neither
    from aiohttp import web  # noqa: PLC0415

    from bot.monitoring.handlers import MonitoringServer  # noqa: PLC0415

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
        await server.aclose()


def _host_text(host: str, reason: str) -> str:
    return (
        f"METRICS_HOST: {host} is no address of this machine ({reason}). Leave it empty for 127.0.0.1, or "
        "write 0.0.0.0 for all networks of this machine."
    )
