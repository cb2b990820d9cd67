"""The check of a job's files before it may wait for its turn."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from engine import training_file
from engine.errors import plain
from engine.messages import Message
from engine.order import MethodName

Count = Callable[[Sequence[Message]], Awaitable[int]]
"""Tells how many tokens a chat has for the base model; a ValueError says why it cannot be one."""


async def check(path: Path, method: MethodName, *, at_least: int, longest: int, count: Count) -> None:
    """Read a training file and measure its chats in tokens.

    Raises TrainingFileError, which names the lines at fault; ApiError where the base model cannot be asked.
    """
    examples = await asyncio.to_thread(training_file.read, path, method, at_least=at_least)
    faults = {}
    for number, example in examples.items():
        try:
            tokens = max([await count(chat) for chat in example.chats])
        except ValueError as error:
            faults[number] = plain(str(error))
            continue
        if tokens > longest:
            faults[number] = f"the example has {tokens} tokens, and the model reads {longest}"
    training_file.refuse(faults)
