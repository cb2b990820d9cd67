"""Limits of the server: concurrent and waiting completions, context length, sizes of files and batches."""

SLOTS = 8
"""Completions generated at the same time by one model; further ones wait for a slot."""

OPENVINO_SLOTS = 16
"""As many if OpenVINO answers, which computes the tokens of all in one step."""

MAX_WAITING = 32
"""Completions that may wait for a slot, over all models; further chats get a 429."""

CONTEXT = 1024
"""Tokens of one chat, prompt and completion together."""

MAX_MESSAGES = CONTEXT
"""Of a chat or an example; a template writes some tokens for each."""

MAX_CHAT_CHARACTERS = 256 * CONTEXT
"""Of a chat's or an example's texts: no vocabulary has longer tokens, so no longer text fits."""

MAX_FILE_BYTES = 512 * 1024 * 1024
"""Size of an uploaded file."""

MAX_JSON_BYTES = 4 * 1024 * 1024
"""Size of a JSON body, also of one in a batch."""

MAX_BATCH_REQUESTS = 50_000
"""Requests of one batch."""
