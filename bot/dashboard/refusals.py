"""What the dashboard tells its page when it refuses a request."""

from bot.i18n.message import mark

UNREADABLE_REQUEST = mark("The page and the dashboard do not understand each other: reload the page.")
"""For requests that the page of this version never sends."""
