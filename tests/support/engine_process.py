"""The engine as its users have it: a process, reached over HTTP by the `openai` package."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import aiohttp
from openai import AsyncOpenAI, OpenAI
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample


class EngineProcess:
    """A running engine; use as `with`, which stops it as a service manager would."""

    clients: ClassVar[list[AsyncOpenAI]] = []
    """Those that a test has opened. Left to the garbage collector, they would close in some later test."""

    def __init__(self, data: Path, base: Path | str | None, *, key: str | None = None) -> None:
        """Start one on a free port and wait until it listens."""
        self.data = data
        self.base = base
        self.key = key
        self.log = data / "engine.log"
        data.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start it, once more if it has ended."""
        command = [sys.executable, "-m", "engine", "--data", str(self.data), "--port", "0", "--with-parent"]
        if self.base is not None:
            command += ["--base", str(self.base)]
        environment = {name: value for name, value in os.environ.items() if name != "ENGINE_API_KEY"}
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=environment | ({"ENGINE_API_KEY": self.key} if self.key else {}),
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
            self.process.wait()

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)

    async def until(self, job_id: str, statuses: set[str]) -> Any:
        """Wait until a job has one of `statuses` and return it; give up when it can no longer get there."""
        client = self.client()
        async with asyncio.timeout(240):  # trainers get what others leave of the machine
            while (job := await client.fine_tuning.jobs.retrieve(job_id)).status not in statuses:
                assert job.status not in {"succeeded", "failed", "cancelled"}, job
                await asyncio.sleep(0.05)
        return job

    async def metrics(self) -> dict[str, float]:
        """Return what /metrics says, by name and labels as `name{label=value}`."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.url.removesuffix("/v1") + "/metrics") as answer,
        ):
            families = text_string_to_metric_families(await answer.text())
            return {_shown(sample): sample.value for family in families for sample in family.samples}

    def client(self, key: str | None = None) -> AsyncOpenAI:
        """Return a client that hides nothing by trying again."""
        key = key or self.key or "none"
        client = AsyncOpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=120)
        self.clients.append(client)
        return client

    def blocking_client(self) -> OpenAI:
        """Return the same for fixtures, which have no event loop of their own."""
        return OpenAI(base_url=self.url, api_key=self.key or "none", max_retries=0, timeout=120)


def _shown(sample: Sample) -> str:
    labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")


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
