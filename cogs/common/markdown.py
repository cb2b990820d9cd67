"""Plain: what models and people wrote, shown as they wrote it."""

import re

import discord

_LINK = re.compile(r"(?<=[a-z]):(?=//)", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """The text with all that Discord would make something of escaped: markdown, mentions and links."""
    safe = discord.utils.escape_markdown(text, ignore_links=False)
    return _LINK.sub(r"\\:", safe.replace("<", r"\<"))


def with_mention(text: str, person_id: int | None) -> tuple[str, discord.AllowedMentions]:
    """The text with a mention before it, and whom the message may notify: that person alone."""
    if person_id is None:
        return text, discord.AllowedMentions.none()
    return f"<@{person_id}> {text}", discord.AllowedMentions(users=[discord.Object(person_id)])
