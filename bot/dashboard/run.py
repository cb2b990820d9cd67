"""The dashboard: an installation on a local page for its operator, beside a running bot or without one."""

import asyncio
import os
import sys

from rich.console import Console

from bot.app import open_app
from bot.dashboard.server import open_dashboard
from bot.local_page.browser import has_screen, open_in_browser
from bot.settings import Settings

_WELCOME = """The dashboard is open, on this computer only. Ctrl-C ends it; the bot and its jobs go on.
[bold]Open:[/bold] [link={url}]{url}[/link]"""


async def run_dashboard(settings: Settings, *, port: int, open_browser: bool) -> None:
    """Serve the dashboard until Ctrl-C. Raise OperatorError if the port is taken.

    port: 0 means any free one. open_browser: whether to open the page where somebody can see it.
    """
    async with open_app(settings) as app, open_dashboard(app, port) as page:
        Console(stderr=True).print(_WELCOME.format(url=page.url), soft_wrap=True)
        if open_browser and has_screen(os.environ, sys.platform):
            await open_in_browser(page.url)
        await asyncio.Event().wait()
