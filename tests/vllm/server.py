"""A real vLLM on the processor, in an environment of its own: `make test-vllm` installs it."""

import os
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Self
from urllib.error import URLError
from urllib.request import urlopen

KEY = "serving-key"
_START_SECONDS = 900  # half a minute on a quiet machine
_STOP_SECONDS = 60


def python() -> Path | None:
    """Return the Python that has vLLM, None if it is not installed."""
    found = Path(os.environ.get("VLLM_VENV", ".venv-vllm"), "bin", "python").absolute()
    return found if found.is_file() else None


class VllmServer:
    """One server; leaving `with` stops it."""

    def __init__(self, model: Path, name: str, folder: Path) -> None:
        """Start one on a free port, and wait until it answers. folder: of its log."""
        self._model = model
        self._name = name
        self._folder = folder
        self.log = folder / "vllm.log"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.root = f"http://127.0.0.1:{self._port}"
        self.url = f"{self.root}/v1"
        self.start()

    def start(self) -> None:
        """Start the process, again if it has ended: at the same address."""
        interpreter = python()
        assert interpreter is not None
        options = {
            "model": str(self._model),
            "served-model-name": self._name,
            "host": "127.0.0.1",
            "port": str(self._port),
            "api-key": KEY,
            "max-model-len": "1024",
        }
        command = [str(interpreter), "-m", "vllm.entrypoints.openai.api_server"]
        command += [part for name, value in options.items() for part in (f"--{name}", value)]
        # what it would compile pays for longer runs only; the log of requests says what it was asked
        command += ["--enable-lora", "--enforce-eager", "--enable-log-requests"]
        ours = ("PYTHONPATH", "HF_", "VLLM_")
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
        own = {
            "VLLM_ALLOW_RUNTIME_LORA_UPDATING": "true",
            "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
            "VLLM_NO_USAGE_STATS": "1",
            "HF_HUB_OFFLINE": "1",
        }
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=inherited | own,
                cwd=self._folder,  # a folder `vllm` in the working directory would hide the package
                start_new_session=True,
            )
        self._wait()

    def _wait(self) -> None:
        end = time.monotonic() + _START_SECONDS
        while not self._is_healthy():
            assert self._process.poll() is None, self.log.read_text()[-4000:]
            assert time.monotonic() < end, self.log.read_text()[-4000:]
            time.sleep(0.5)

    def _is_healthy(self) -> bool:
        try:
            with urlopen(f"{self.root}/health", timeout=5) as response:  # noqa: S310 (our own address)
                return bool(response.status == 200)
        except (URLError, OSError):
            return False

    def stop(self) -> None:
        """Stop the process and those that it started."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._kill()
        self._kill()  # what outlived it
        self._process.wait()

    def _kill(self) -> None:
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def restart(self) -> None:
        """Let it forget its adapters."""
        self.stop()
        self.start()

    def __enter__(self) -> Self:
        """Return itself, running."""
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self.stop()
