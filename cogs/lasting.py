"""Lasting views: buttons and menus that outlive a restart, for what they do stands in their ids."""

from collections.abc import Iterable
from typing import Any

import discord


def lasting(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """A view of these items. It listens to nothing: the bot finds them by their ids."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view
