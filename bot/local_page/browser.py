"""Open a local page in the browser of the person who started it, if this machine has one."""

import asyncio
import webbrowser
from collections.abc import Mapping
from contextlib import suppress

_WITHOUT_DISPLAY = ("CI", "SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY")
_DISPLAYS = ("DISPLAY", "WAYLAND_DISPLAY")


def has_screen(environment: Mapping[str, str], platform: str) -> bool:
    """Return whether the person who started this sees a window: not in CI, over SSH or without a display.

    platform: as in sys.platform.
    """
    if any(environment.get(name) for name in _WITHOUT_DISPLAY):
        return False
    return platform in ("darwin", "win32") or any(environment.get(name) for name in _DISPLAYS)


async def open_in_browser(url: str) -> None:
    """Open an address in the default browser, if there is one."""
    with suppress(webbrowser.Error):
        await asyncio.to_thread(webbrowser.open, url)
