"""A message's content, to send it or to replace another one by it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import discord


@dataclass(frozen=True, slots=True)
class MessageContent:
    """A message's text, embeds, buttons and files.

    files: functions that open a file, because each try to send it reads it anew.
    replaces_files: whether an edit without files removes those that the message has.
    allowed_mentions: whom a new message notifies; nobody where left out.
    """

    embeds: list[discord.Embed] = field(default_factory=list)
    view: discord.ui.View | None = None
    content: str | None = None
    files: tuple[Callable[[], discord.File], ...] = ()
    replaces_files: bool = False
    allowed_mentions: discord.AllowedMentions | None = None

    def __bool__(self) -> bool:
        return bool(self.embeds or self.content or self.files)

    @property
    def edit_kwargs(self) -> dict[str, Any]:
        """Return arguments for an edit that replaces the whole message."""
        parts: dict[str, Any] = {"content": self.content, "embeds": self.embeds, "view": self.view}
        if self.files or self.replaces_files:
            parts["attachments"] = [read() for read in self.files]
        return parts

    @property
    def send_kwargs(self) -> dict[str, Any]:
        """Return arguments for a new message: the parts that are not empty."""
        parts = {
            "content": self.content,
            "embeds": self.embeds,
            "view": self.view,
            "files": [read() for read in self.files],
            "allowed_mentions": self.allowed_mentions,
        }
        return {name: part for name, part in parts.items() if part}

    def without_files(self) -> Self:
        return replace(self, files=())
