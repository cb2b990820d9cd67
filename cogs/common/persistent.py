"""Lasting views: buttons and menus that outlive a restart, for what they do stands in their ids."""

import re
from collections.abc import Callable, Iterable
from typing import Any, Self, TypeVar

import discord

from cogs.common.errors import tell_failure

ItemT = TypeVar("ItemT", bound=discord.ui.Item[Any])

_NONE = r"(?!)"  # the template of what has no ids of its own


class Lasting(discord.ui.DynamicItem[ItemT], template=_NONE):
    """A button or menu. The named parts of its template are the arguments that make it after a restart."""

    @classmethod
    async def from_custom_id(
        cls, _interaction: discord.Interaction[Any], _item: discord.ui.Item[Any], match: re.Match[str], /
    ) -> Self:
        parts = match.groupdict().items()
        make: Callable[..., Self] = cls
        return make(**{name: int(part) if part.isdigit() else part for name, part in parts})

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what it is for. discord.py would only log what fails: we tell the person."""
        try:
            await self.act(interaction)
        except Exception as error:  # noqa: BLE001 (whatever it is, it is put into words and logged there)
            await tell_failure(interaction, error)

    async def act(self, interaction: discord.Interaction[Any]) -> None:
        """What it is for."""
        raise NotImplementedError


class LastingButton(Lasting[discord.ui.Button[discord.ui.View]], template=_NONE):
    """A button."""

    def __init__(self, custom_id: str, **look: Any) -> None:
        """look: label, style, emoji, disabled, as discord.py takes them."""
        super().__init__(discord.ui.Button(custom_id=custom_id, **look))


def lasting(items: Iterable[discord.ui.Item[Any]]) -> discord.ui.View:
    """A view of these items. It listens to nothing: the bot finds them by their ids."""
    view = discord.ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


class Form(discord.ui.Modal):
    async def on_error(  # type: ignore[override]  # discord.py calls a form's without an item
        self, interaction: discord.Interaction[Any], error: Exception
    ) -> None:
        await tell_failure(interaction, error)
