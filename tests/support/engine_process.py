"""The engine as users run it: a process, reached over HTTP with the `openai` package."""

import json
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Self

import aiohttp
from openai import AsyncOpenAI, DefaultAsyncHttpxClient, DefaultHttpxClient, OpenAI
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from tests.support.eventually import eventually
from tests.support.local_cluster import CLUSTER, two_nodes


class EngineProcess:
    """A running engine; leaving `with` stops it as a service manager would."""

    clients: ClassVar[list[AsyncOpenAI]] = []
    """The clients that a test opened. The garbage collector would close them during a later test."""

    def __init__(
        self,
        data: Path,
        base: Path | str | None,
        *,
        key: str | None = None,
        runtime: str = "llama.cpp",
        options: Sequence[str] = (),
        cluster: Sequence[str] | None = None,
    ) -> None:
        """Start one on a free port, with further options, and wait until it listens.

        cluster: the options of `engine.cluster`, if this engine is one.
        """
        if cluster is None and CLUSTER:
            # one replica: tests of slots count those of one process
            cluster = ("--address", two_nodes().address, "--max-replicas", "1")
        self.cluster = cluster
        self._options = options
        self.runtime = runtime
        self.data = data
        self.base = base
        self.key = key
        self.log = data / "engine.log"
        self._port = 0
        data.mkdir(parents=True, exist_ok=True)
        self.start()

    def start(self) -> None:
        """Start the process, again if it has ended: at the same address."""
        command = [sys.executable, "-m", *self._module(), "--data", str(self.data), "--with-parent"]
        command += ["--port", str(self._port), *self._options]
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
        line = self.process.stdout.readline().decode()
        assert line.startswith("engine listening on http://127.0.0.1:"), line + self.log.read_text()
        self.url = line.split()[-1]
        self._port = int(self.url.removesuffix("/v1").rpartition(":")[2])

    def _module(self) -> list[str]:
        """Return what to run, with the options that it alone has."""
        if self.cluster is not None:
            return ["engine.cluster", *self.cluster]
        return ["engine", "--runtime", self.runtime]

    def __enter__(self) -> Self:
        """Return itself, running."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it; kill it if it does not stop."""
        try:
            assert self.stop() == 0, self.log.read_text()
        finally:
            self.process.kill()
            self.process.wait()

    def stop(self) -> int:
        """Send SIGTERM; return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    async def until(self, job_id: str, statuses: set[str]) -> Any:
        """Wait until a job has one of `statuses` and return it; fail if it ended with another one."""
        client = self.client()
        job: Any = None

        async def reached() -> bool:
            nonlocal job
            job = await client.fine_tuning.jobs.retrieve(job_id)
            assert job.status in {*statuses, "validating_files", "queued", "running", "paused"}, job
            return job.status in statuses

        # trainers run at the lowest priority
        await eventually(reached, timeout=240, interval=0.1, what=f"{job_id} in {statuses}")
        return job

    async def metrics(self) -> dict[str, float]:
        """Return the values at /metrics by name and labels, as `name{label=value}`."""
        async with (
            aiohttp.ClientSession() as http,
            http.get(self.url.removesuffix("/v1") + "/metrics") as response,
        ):
            families = text_string_to_metric_families(await response.text())
            return {_series(sample): sample.value for family in families for sample in family.samples}

    def client(self, key: str | None = None) -> AsyncOpenAI:
        """Return a client without retries, so that every error is visible."""
        key = key or self.key or "none"
        http = DefaultAsyncHttpxClient(verify=_tls_context())
        client = AsyncOpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=120, http_client=http)
        self.clients.append(client)
        return client

    def blocking_client(self) -> OpenAI:
        """Return a client for fixtures, which have no event loop."""
        http = DefaultHttpxClient(verify=_tls_context())
        key = self.key or "none"
        return OpenAI(base_url=self.url, api_key=key, max_retries=0, timeout=120, http_client=http)


@cache
def _tls_context() -> ssl.SSLContext:
    """Return one context for all clients, which need none: reading the certificates takes 20 ms each."""
    return ssl.create_default_context()


def _series(sample: Sample) -> str:
    labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
    return sample.name + (f"{{{labels}}}" if labels else "")


def jsonl(examples: Iterable[Any]) -> tuple[str, bytes]:
    """Return a file to upload, one JSON value per line."""
    return "examples.jsonl", b"".join(json.dumps(example).encode() + b"\n" for example in examples)


def example(number: int) -> dict[str, Any]:
    """Return a training example with a pattern that even a tiny model learns."""
    return {
        "messages": [
            {"role": "user", "content": f"{number}, woman, flight ->"},
            {"role": "assistant", "content": f"She is {number} years old and she can fly over the city."},
        ]
    }
