"""Limits of the server: concurrent completions, waiting completions, context length, upload size."""

SLOTS = 8
"""Completions generated at the same time by one model; further ones wait for a slot."""

MAX_WAITING = 32
"""Completions that may wait for a slot, over all models; further chats get a 429."""

CONTEXT = 1024
"""Tokens of one chat, prompt and completion together."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Size of an uploaded file."""
