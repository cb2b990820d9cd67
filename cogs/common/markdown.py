"""Markdown: escape what models and people wrote, and mention one person safely."""

import re

import discord

_ESCAPE = "\\"  # would take its meaning from what follows the cut
_LONGEST_WORD = 40  # characters: scripts without spaces are cut anywhere
_LINK_COLON = re.compile(r"(?<=[a-z]):(?=//)", re.IGNORECASE)


def escape_markdown(text: str) -> str:
    """Escape everything that Discord would render: markdown, mentions, timestamps and links."""
    escaped = discord.utils.escape_markdown(text, ignore_links=False)
    return _LINK_COLON.sub(r"\\:", escaped.replace("<", r"\<"))


def quote(text: str, most: int) -> str:
    """Return the beginning of a text on one line, escaped, of so many characters at most, cut at a word."""
    escaped = escape_markdown(" ".join(text.split()))
    if len(escaped) <= most:
        return escaped
    cut = escaped[: most - 2]
    word = cut.rfind(" ")
    return f"{(cut[:word] if word > most - _LONGEST_WORD else cut).rstrip(_ESCAPE)} …"


def with_mention(text: str, user_id: int | None) -> tuple[str, discord.AllowedMentions]:
    """Return the text with a mention before it, and allowed mentions that notify that user alone."""
    if user_id is None:
        return text, discord.AllowedMentions.none()
    return f"<@{user_id}> {text}", discord.AllowedMentions(users=[discord.Object(user_id)])
