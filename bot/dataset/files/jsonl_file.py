"""JSON Lines: a conversation per line, the format of fine-tuning APIs."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.dataset.files.row import Row


@contextmanager
def open_chat_writer(path: Path) -> Iterator[Callable[[Row], None]]:
    """Write conversations of the tuning prompt (user) and the text (assistant)."""
    with path.open("x", encoding="utf-8", newline="") as file:

        def write(row: Row) -> None:
            turns = (("user", row.tuning_prompt), ("assistant", row.response_txt))
            messages = [{"role": role, "content": content} for role, content in turns]
            file.write(json.dumps({"messages": messages}, ensure_ascii=False) + "\n")

        yield write
