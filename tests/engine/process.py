"""The engine as its users have it: a process, reached over HTTP by the `openai` package."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self

from openai import AsyncOpenAI, OpenAI


class EngineProcess:
    """A running engine; use as `with`, which stops it as a service manager would."""

    def __init__(self, data: Path, base: Path | None, *, key: str | None = None) -> None:
        """Start one on a free port and wait until it listens."""
        self.data = data
        self.key = key
        data.mkdir(parents=True, exist_ok=True)
        self.log = data / "engine.log"
        command = [sys.executable, "-m", "engine", "--data", str(data), "--port", "0", "--with-parent"]
        if base is not None:
            command += ["--base", str(base)]
        environment = {name: value for name, value in os.environ.items() if name != "ENGINE_API_KEY"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | ({"ENGINE_API_KEY": key} if key else {}),
            )
        assert self.process.stdout is not None
        said = self.process.stdout.readline().decode()
        assert said.startswith("engine listening on http://127.0.0.1:"), said + self.log.read_text()
        self.url = said.split()[-1]

    def __enter__(self) -> Self:
        """Return itself, running."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it, and make sure of it."""
        try:
            assert self.stop() == 0, self.log.read_text()
        finally:
            self.process.kill()
            self.process.communicate()

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    def client(self, key: str | None = None) -> AsyncOpenAI:
        """Return a client that hides nothing by trying again."""
        return AsyncOpenAI(base_url=self.url, api_key=key or self.key or "none", max_retries=0, timeout=120)

    def blocking_client(self) -> OpenAI:
        """Return the same for fixtures, which have no event loop of their own."""
        return OpenAI(base_url=self.url, api_key=self.key or "none", max_retries=0, timeout=120)


def jsonl(examples: Iterable[Any]) -> tuple[str, bytes]:
    """Return a file to upload, one JSON value a line."""
    return "examples.jsonl", b"".join(json.dumps(example).encode() + b"\n" for example in examples)


def example(number: int) -> dict[str, Any]:
    """Return a training example of a form that even a tiny model learns."""
    return {
        "messages": [
            {"role": "user", "content": f"{number}, woman, flight ->"},
            {"role": "assistant", "content": f"She is {number} years old and she can fly over the city."},
        ]
    }
