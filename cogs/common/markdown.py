"""Markdown: escape what models and people wrote, and mention one person safely."""

import re

import discord

_LINK_COLON = re.compile(r"(?<=[a-z]):(?=//)", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """Escape everything that Discord would render: markdown, mentions, timestamps and links."""
    escaped = discord.utils.escape_markdown(text, ignore_links=False)
    return _LINK_COLON.sub(r"\\:", escaped.replace("<", r"\<"))


def with_mention(text: str, user_id: int | None) -> tuple[str, discord.AllowedMentions]:
    """Return the text with a mention before it, and allowed mentions that notify that user alone."""
    if user_id is None:
        return text, discord.AllowedMentions.none()
    return f"<@{user_id}> {text}", discord.AllowedMentions(users=[discord.Object(user_id)])
