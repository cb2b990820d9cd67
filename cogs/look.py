"""Looks: all that people see of a message."""

from dataclasses import dataclass, field
from typing import Any

import discord


@dataclass(frozen=True, slots=True)
class Look:
    """A message's text, cards and buttons."""

    embeds: list[discord.Embed] = field(default_factory=list)
    view: discord.ui.View | None = None
    content: str | None = None

    def __bool__(self) -> bool:
        return bool(self.embeds or self.content)

    @property
    def whole(self) -> dict[str, Any]:
        """For an edit: nothing of what the message was stays."""
        return {"content": self.content, "embeds": self.embeds, "view": self.view}

    @property
    def given(self) -> dict[str, Any]:
        """For a new message: what there is of it."""
        return {name: part for name, part in self.whole.items() if part}
