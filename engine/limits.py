"""Limits: how many answers are made at once, and how long a chat may be."""

SLOTS = 8
"""Answers made at the same time; a ninth waits for a slot."""


CONTEXT = 1024
"""Tokens of one chat, prompt and answer together."""
