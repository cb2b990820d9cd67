"""Lasting views: buttons and menus that outlive a restart, for what they do stands in their ids."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar, cast

import discord

from bot.client import Interaction
from cogs.common.errors import report_failure

ItemT = TypeVar("ItemT", bound=discord.ui.Item[Any])
ClientT = TypeVar("ClientT", bound=discord.Client)

_NONE = r"(?!)"  # the template of what has no ids of its own


class PersistentItem(discord.ui.DynamicItem[ItemT], template=_NONE):
    """A button or menu. The named parts of its template are the arguments that make it after a restart."""

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[ClientT], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        parts = match.groupdict().items()
        make: Callable[..., Self] = cls
        return make(**{name: int(part) if part.isdigit() else part for name, part in parts})

    async def callback(self, interaction: discord.Interaction[ClientT]) -> None:
        """Handle the interaction. discord.py would only log a failure: the person is told."""
        ours = cast(Interaction, interaction)  # every client here is a HeroBot
        try:
            await self.handle(ours)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await report_failure(ours, error)

    async def handle(self, interaction: Interaction) -> None:
        """Handle the interaction."""
        raise NotImplementedError


class PersistentButton(PersistentItem[discord.ui.Button[discord.ui.View]], template=_NONE):
    """A button."""

    def __init__(self, custom_id: str, **look: Any) -> None:
        """look: label, style, emoji, disabled, as discord.py takes them."""
        super().__init__(discord.ui.Button(custom_id=custom_id, **look))


def persistent_view(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """A view of these items. It listens to nothing: the bot finds them by their ids."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


class Modal(discord.ui.Modal):
    """A form. A failure of it is put into words for the person."""

    async def on_submit(self, interaction: discord.Interaction[ClientT], /) -> None:
        await self.submit(cast(Interaction, interaction))  # every client here is a HeroBot

    async def submit(self, interaction: Interaction) -> None:
        """Handle what was filled in."""
        raise NotImplementedError

    async def on_error(  # type: ignore[override]  # discord.py calls a modal's without an item
        self, interaction: discord.Interaction[ClientT], error: Exception, /
    ) -> None:
        await report_failure(cast(Interaction, interaction), error)
