"""The link by which a server's admin adds the bot, with the permissions that it needs."""

import base64
import binascii

import discord

from bot.errors import OperatorError

# tests/connection/test_invite.py holds these against what the features use
PERMISSIONS = discord.Permissions(
    view_channel=True,
    send_messages=True,
    send_messages_in_threads=True,  # heroes are asked for there as well
    embed_links=True,
    attach_files=True,  # cards of heroes; charts and tables at the end of a job
    add_reactions=True,  # the thumbs under a description, ...
    read_message_history=True,  # ... without which nobody may add one
)
SCOPES = ("bot", "applications.commands")


def invite_url(application_id: int) -> str:
    """Return the link that adds the bot to a server."""
    return discord.utils.oauth_url(application_id, permissions=PERMISSIONS, scopes=SCOPES)


def permission_names(permissions: discord.Permissions = PERMISSIONS) -> list[str]:
    """Return permissions, by default those of the invite, as Discord's own settings call them."""
    names = [name.replace("_", " ").title() for name, granted in permissions if granted]
    return ["View Channels" if name == "Read Messages" else name for name in names]


def application_id_of(token: str) -> int:
    """Return the application's id, which is the first part of its bot token. No request is made."""
    first = token.strip().partition(".")[0]
    try:
        return int(base64.urlsafe_b64decode(first + "=" * (-len(first) % 4)))
    except (binascii.Error, UnicodeDecodeError, ValueError):
        raise OperatorError(
            "DISCORD_TOKEN does not look like a bot's token: it does not begin with an application's id. "
            "Copy it anew from the developer portal (https://discord.com/developers/applications): Bot, "
            "Reset Token. Or give the id from there (General Information, Application ID): herosmith invite "
            "--application ID"
        ) from None
