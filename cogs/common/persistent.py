"""Persistent buttons and menus: all of their state is in their custom ids, so they outlive a restart."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar, cast

import discord

from bot.client import Interaction
from cogs.common.errors import report_failure

ItemT = TypeVar("ItemT", bound=discord.ui.Item[Any])
ClientT = TypeVar("ClientT", bound=discord.Client)

_MATCHES_NOTHING = r"(?!)"  # the template of base classes, which have no custom ids of their own


class PersistentItem(discord.ui.DynamicItem[ItemT], template=_MATCHES_NOTHING):
    """A button or menu. The named groups of a subclass's template are the arguments of its constructor.

    A group that is missing from a custom id is left to the constructor.
    """

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[ClientT], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        groups = ((name, value) for name, value in match.groupdict().items() if value is not None)
        make: Callable[..., Self] = cls
        return make(**{name: int(value) if value.isdigit() else value for name, value in groups})

    async def callback(self, interaction: discord.Interaction[ClientT]) -> None:
        """Handle the interaction, and report a failure to the person: discord.py would only log it."""
        ours = _ours(interaction)
        ours.client.interactions.begin(type(self).__name__)
        try:
            await self.handle(ours)
        except Exception as error:  # noqa: BLE001 (report_failure logs it and words it for the person)
            await report_failure(ours, error)
        else:
            ours.client.interactions.end("answered")

    async def handle(self, interaction: Interaction) -> None:
        """Handle the interaction."""
        raise NotImplementedError


class PersistentButton(PersistentItem[discord.ui.Button[discord.ui.View]], template=_MATCHES_NOTHING):
    """A button."""

    def __init__(self, custom_id: str, **button: Any) -> None:
        """button: label, style, emoji, row and disabled, as discord.py takes them."""
        super().__init__(discord.ui.Button(custom_id=custom_id, **button))


def persistent_view(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """Return a view of these items that listens to nothing: the bot finds them by their custom ids."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


class Modal(discord.ui.Modal):
    """A modal that reports its failures to the person."""

    async def on_submit(self, interaction: discord.Interaction[ClientT], /) -> None:
        ours = _ours(interaction)
        ours.client.interactions.begin(type(self).__name__)
        await self.submit(ours)
        ours.client.interactions.end("answered")

    async def submit(self, interaction: Interaction) -> None:
        """Handle the values that were filled in."""
        raise NotImplementedError

    async def on_error(  # type: ignore[override]  # discord.py calls a modal's without an item
        self, interaction: discord.Interaction[ClientT], error: Exception, /
    ) -> None:
        await report_failure(_ours(interaction), error)


def _ours(interaction: discord.Interaction[ClientT]) -> Interaction:
    """Narrow discord.py's type: every client here is a HeroBot."""
    return cast(Interaction, interaction)
