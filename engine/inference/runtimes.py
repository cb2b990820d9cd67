"""Which runtime answers for a GGUF file: llama.cpp alone, or OpenVINO beside it, as a measurement decides.

llama.cpp loads in a second, reads every GGUF file, and knows every option of the API. OpenVINO loads in some
seconds and generates several texts at once in less processor time, on most processors. Which is faster here
is measured once, with the base, and kept in `runtime.json` in the data folder.
"""

import asyncio
import importlib.util
import logging
import platform
import time
from collections.abc import AsyncGenerator, Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from engine import system
from engine.inference.openvino.process import OpenVinoProcess
from engine.limits import OPENVINO_SLOTS, SLOTS
from engine.storage import atomic

log = logging.getLogger(__name__)

Chunks = Callable[[dict[str, Any]], AsyncGenerator[dict[str, Any]]]
"""Answers a request as `Generator.chunks` does."""
RuntimeSetting = Literal["auto", "llama.cpp", "openvino"]
"""What --runtime may say."""

_MIN_FREE_MEMORY = 2 * 2**30  # bytes: OpenVINO's process takes up to one GiB
_FASTER = 1.15  # a smaller gain may be noise, and is not worth the memory
_TRIED = frozenset({"x86_64", "amd64"})
_PROBE_CHATS = SLOTS
_PROBE_TOKENS = 32
_PROBE: dict[str, Any] = {
    "messages": [
        {"role": "user", "content": "Tell me about a town by the sea and the people who live there."}
    ],
    "temperature": 0.8,
    "top_p": 0.95,
    "top_k": 40,
    "min_p": 0.05,
    "max_tokens": _PROBE_TOKENS,
}


class Measurement(BaseModel):
    """The speed of both runtimes on a machine, in tokens a second for several chats at once."""

    machine: str
    """The processor's flags, the cores, and the runtimes' versions: a measurement counts only for them."""
    llama_cpp: float
    openvino: float


class Runtimes:
    """The choice, and OpenVINO's process if it was chosen."""

    def __init__(
        self,
        setting: RuntimeSetting,
        data: Path,
        *,
        free_memory: Callable[[], int] = system.available_memory,
    ) -> None:
        """Choose what can be chosen without a measurement. `data` is the engine's data folder.

        free_memory: tells the bytes of memory that are free. Raises ValueError if the setting cannot be
        followed.
        """
        self._file = data / "runtime.json"
        self._copies = data / "openvino"
        self.measured: Measurement | None = None
        self.reason = ""
        """Why llama.cpp alone answers, or does for a model; empty if it does not."""
        obstacle = _obstacle(free_memory())
        if setting == "openvino" and obstacle:
            raise ValueError(obstacle)
        self._process: OpenVinoProcess | None = None
        self._is_measured = setting != "auto"
        if setting == "llama.cpp":
            self.reason = "--runtime says so"
        elif obstacle:
            self.reason = obstacle
            self._is_measured = True
        else:
            self._process = OpenVinoProcess(OPENVINO_SLOTS)
            if setting == "auto":
                self._read()
        log.info("%s", self._sentence())

    @property
    def openvino(self) -> OpenVinoProcess | None:
        """OpenVINO's process, if it answers where it can."""
        return self._process if self._is_measured else None

    @property
    def to_be_measured(self) -> OpenVinoProcess | None:
        """OpenVINO's process, if the base is to decide whether it answers."""
        return None if self._is_measured else self._process

    @property
    def name(self) -> str:
        """What answers, in a word."""
        return "openvino" if self.openvino and not self.openvino.is_given_up else "llama.cpp"

    @property
    def slots(self) -> int:
        """How many completions a model generates at once, from the start on."""
        return OPENVINO_SLOTS if self._process else SLOTS

    def copy_of(self, gguf: Path, folder: Path | None) -> Path:
        """Return where the copy of a file goes that OpenVINO reads; delete those of former bases.

        That of a tuned model lies in its folder, and goes with it; the base may lie where nothing can be
        written.
        """
        if folder:
            return folder / "openvino.gguf"
        found = gguf.stat()
        copy = self._copies / f"{gguf.stem}-{found.st_size}-{found.st_mtime_ns}.gguf"
        for former in self._copies.glob("*.gguf"):
            if former != copy:
                former.unlink(missing_ok=True)
        return copy

    async def measure(self, llama_cpp: Chunks, openvino: Chunks) -> None:
        """Ask the base in both runtimes, and choose the faster one. Raises RuntimeError if one fails."""
        speeds = [await _tokens_per_second(chunks) for chunks in (llama_cpp, openvino)]
        measured = Measurement(machine=_machine(), llama_cpp=speeds[0], openvino=speeds[1])
        atomic.write_json(self._file, measured.model_dump())
        await self._choose(measured)

    async def give_up(self, reason: str) -> None:
        """Let llama.cpp answer alone, until the next start."""
        self.reason = reason
        process, self._process = self._process, None
        self._is_measured = True
        log.warning("llama.cpp alone answers: %s", reason)
        if process:
            await process.close()

    def _read(self) -> None:
        """Follow an earlier measurement on this machine."""
        try:
            measured = Measurement.model_validate(atomic.read_json(self._file))
        except (OSError, ValueError, ValidationError):
            return
        if measured.machine == _machine():
            self.measured = measured
            self._is_measured = True
            if not _is_faster(measured):
                self.reason = _slower(measured)
                self._process = None

    async def _choose(self, measured: Measurement) -> None:
        self.measured = measured
        log.info(
            "tokens a second for %d chats at once: llama.cpp %.0f, OpenVINO %.0f",
            _PROBE_CHATS,
            measured.llama_cpp,
            measured.openvino,
        )
        if _is_faster(measured):
            self._is_measured = True
        else:
            await self.give_up(_slower(measured))

    def describe(self) -> dict[str, Any]:
        """Return the choice and why, for /healthz."""
        measured = self.measured.model_dump(exclude={"machine"}) if self.measured else None
        crashes: dict[str, Any] = {"count": 0, "last": None}
        if process := self._process:
            crashes = {"count": process.crashes, "last": process.last_crash or None}
        return {
            "name": self.name,
            "reason": self.reason or None,
            "tokens_per_second": measured,
            "crashes": crashes,
        }

    def _sentence(self) -> str:
        """Return the choice, for the log."""
        if self._process is None:
            return f"llama.cpp alone answers: {self.reason}"
        if self.to_be_measured:
            return "llama.cpp answers until the base has been measured in OpenVINO"
        return "OpenVINO answers what it can as soon as it has loaded a model, llama.cpp the rest"

    async def close(self) -> None:
        """End OpenVINO's process."""
        if self._process:
            await self._process.close()


def _is_faster(measured: Measurement) -> bool:
    return measured.openvino > _FASTER * measured.llama_cpp


def _slower(measured: Measurement) -> str:
    return (
        f"OpenVINO was not faster here: {measured.openvino:.0f} tokens a second, llama.cpp"
        f" {measured.llama_cpp:.0f}"
    )


def _obstacle(free: int) -> str:
    """Return why OpenVINO cannot be tried; empty if it can."""
    if importlib.util.find_spec("openvino_genai") is None:
        if platform.machine().lower() in _TRIED:
            return "OpenVINO is not installed: pip install openvino-genai"
        return f"OpenVINO is not installed, which was tried on x86-64 only; this is {platform.machine()}"
    if free < _MIN_FREE_MEMORY:
        return f"OpenVINO needs 2 GiB of free memory, and {free / 2**30:.1f} are free"
    return ""


def _machine() -> str:
    versions = [version(name) for name in ("openvino-genai", "xllamacpp")]
    return " ".join([system.processor_fingerprint(), str(system.compute_threads()), *versions])


async def _tokens_per_second(chunks: Chunks) -> float:
    """Return the speed of several chats at once."""

    async def ask(seed: int) -> int:
        tokens = 0
        async for chunk in chunks({**_PROBE, "seed": seed}):
            if "error" in chunk:
                raise RuntimeError(chunk["error"]["message"])
            tokens = chunk.get("usage", {}).get("completion_tokens", tokens)
        return tokens

    await ask(0)  # reads what has to be read once
    started = time.monotonic()
    tokens = sum(await asyncio.gather(*map(ask, range(1, _PROBE_CHATS + 1))))
    return tokens / (time.monotonic() - started)
