"""Mentions: a message that notifies one person, or nobody."""

import discord


def addressed(text: str, person_id: int | None) -> tuple[str, discord.AllowedMentions]:
    """The text with a mention before it, and whom the message may notify: that person alone."""
    if person_id is None:
        return text, discord.AllowedMentions.none()
    return f"<@{person_id}> {text}", discord.AllowedMentions(users=[discord.Object(person_id)])
