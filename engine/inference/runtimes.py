"""Which runtime answers: torch for a Hugging Face base; for a GGUF file llama.cpp, or OpenVINO beside it.

llama.cpp loads in a second, reads every GGUF file, and knows every option of the API. OpenVINO loads in some
seconds and generates several texts at once in less processor time, on most processors. Which is faster here
is measured once for each base, and kept in `runtime.json` in the data folder.
"""

import asyncio
import importlib.util
import logging
import platform
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from engine import system
from engine.inference.openvino.process import OpenVinoError, OpenVinoProcess
from engine.inference.runtime_status import OpenVinoStatus, RuntimeStatus
from engine.limits import OPENVINO_SLOTS, SLOTS
from engine.storage import atomic

log = logging.getLogger(__name__)

Chunks = Callable[[dict[str, Any]], AsyncGenerator[dict[str, Any]]]
"""Answers a request as `Generator.chunks` does."""
RuntimeSetting = Literal["auto", "llama.cpp", "openvino"]
"""What --runtime may say."""

_MIN_FREE_MEMORY = 2 * 2**30  # bytes: of a base and a tuned model OpenVINO's process takes 1.5 GiB
_MIN_FREE_FOR_MODEL = 2**30  # for each further one, which takes 0.7 GiB
MIN_SPEEDUP = 1.15
"""By which OpenVINO has to be faster: a smaller gain may be noise, and is not worth the memory."""
_TRIED = frozenset({"x86_64", "amd64"})
_PROBE_ROUNDS = 3  # of each runtime, in turns: other programs may disturb some
_PROBE_CHATS = SLOTS - 1  # a person's chat finds a slot of llama.cpp
_PROBE_TOKENS = 32
_CHOICE_SECONDS = 40.0  # after the start; a client that waits for an answer gives up after a minute
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
    base: str
    """The file that was measured."""
    llama_cpp: float
    openvino: float


class Runtimes:
    """The choice, OpenVINO's process if it may answer, and what came of it."""

    def __init__(
        self,
        setting: RuntimeSetting,
        data: Path,
        base: Path,
        *,
        free_memory: Callable[[], int] = system.available_memory,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Choose what can be chosen without a measurement. `data` is the engine's data folder.

        base: a GGUF file, or the folder of a Hugging Face model. free_memory: tells the bytes of memory that
        are free. clock: tells seconds. Raises ValueError if the setting cannot be followed.
        """
        self._file = data / "runtime.json"
        self._copies = data / "openvino"
        self._base = base
        self._is_torch = base.is_dir()
        self._clock = clock
        self.measured: Measurement | None = None
        self._reason = ""
        self._failures: dict[str, str] = {}
        self.answers: Counter[str] = Counter()
        """How many answers each runtime has begun."""
        self.failovers = 0
        """How many answers llama.cpp gave because OpenVINO failed before their first word."""
        obstacle = _obstacle(base, free_memory())
        if setting == "openvino" and obstacle:
            raise ValueError(obstacle)
        self.process: OpenVinoProcess | None = None
        """OpenVINO's process, also if it has been given up; None if it was never to be started."""
        self._chosen = asyncio.Event()  # not while the base is still to be measured
        self._choice_deadline = time.monotonic() + _CHOICE_SECONDS
        self._free_memory = free_memory
        if not obstacle and setting != "llama.cpp":
            self.process = OpenVinoProcess(OPENVINO_SLOTS)
        elif not self._is_torch:
            self._reason = "--runtime says so" if setting == "llama.cpp" else obstacle
        if setting != "auto" or obstacle:
            self._chosen.set()
        else:
            self._read()
        log.info("%s", self._sentence())

    @property
    def openvino(self) -> OpenVinoProcess | None:
        """OpenVINO's process, if it answers where it can."""
        return self._usable_process if self._chosen.is_set() else None

    @property
    def to_be_measured(self) -> OpenVinoProcess | None:
        """OpenVINO's process, if the base is to decide whether it answers."""
        return None if self._chosen.is_set() else self._usable_process

    @property
    def _usable_process(self) -> OpenVinoProcess | None:
        return self.process if self.process and not self.process.given_up else None

    @property
    def name(self) -> str:
        """What answers, in a word."""
        if self._is_torch:
            return "torch"
        return "openvino" if self.openvino else "llama.cpp"

    @property
    def reason(self) -> str:
        """Why llama.cpp alone answers, or does for some models; empty if it does not."""
        given_up = self.process.given_up if self.process else ""
        return self._reason or given_up or "; ".join(self._failures.values())

    async def until_chosen(self) -> None:
        """Wait for the measurement, which other work would draw out; at most until 40 s after the start."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._chosen.wait(), max(0.0, self._choice_deadline - time.monotonic()))

    def require_memory(self) -> None:
        """Raise OpenVinoError if OpenVINO should load no further model."""
        if (free := self._free_memory()) < _MIN_FREE_FOR_MODEL:
            raise OpenVinoError(f"it needs 1 GiB of free memory, and {free / 2**30:.1f} are free")

    def note_failure(self, model: str, reason: str) -> None:
        """Keep and log why llama.cpp alone answers for a model."""
        self._failures[model] = f"llama.cpp alone answers for {model}: {reason}"
        log.warning("%s", self._failures[model])

    def clear_failure(self, model: str) -> None:
        """Forget why llama.cpp alone answered for a model, which OpenVINO has loaded or nobody uses."""
        self._failures.pop(model, None)

    def copy_of(self, gguf: Path, folder: Path | None) -> Path:
        """Return where the copy of a file goes that OpenVINO reads; delete those of former bases.

        That of a tuned model lies in its folder, and goes with it; the base may lie where nothing can be
        written.
        """
        if folder:
            return folder / "openvino.gguf"
        copy = self._copies / f"{_identity(gguf)}.gguf"
        for former in [*self._copies.glob("*.gguf"), *self._copies.glob("*.gguf.part")]:
            if former != copy:
                former.unlink(missing_ok=True)
        return copy

    async def measure(self, llama_cpp: Chunks, openvino: Chunks) -> None:
        """Ask the base in both runtimes, and choose the faster one. Raises RuntimeError if one fails."""
        runtimes = (llama_cpp, openvino)
        for chunks in runtimes:  # each reads what it has to read once
            await _ask_probe(chunks, 0)
        rounds = [[await self._speed(chunks) for chunks in runtimes] for _ in range(_PROBE_ROUNDS)]
        speeds = [median(speeds) for speeds in zip(*rounds, strict=True)]
        measured = Measurement(
            machine=_machine(), base=_identity(self._base), llama_cpp=speeds[0], openvino=speeds[1]
        )
        try:  # first, so that whoever sees the choice finds it kept
            atomic.write_json(self._file, measured.model_dump())
        except OSError:
            log.warning("the measurement could not be kept in %s", self._file, exc_info=True)
        await self._choose(measured)

    async def _speed(self, chunks: Chunks) -> float:
        """Return the tokens a second of several chats at once."""
        started = self._clock()
        try:
            async with asyncio.TaskGroup() as group:
                chats = [group.create_task(_ask_probe(chunks, seed)) for seed in range(1, _PROBE_CHATS + 1)]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return sum(chat.result() for chat in chats) / (self._clock() - started)

    async def give_up(self, reason: str) -> None:
        """Let llama.cpp answer alone, until the next start."""
        self._chosen.set()
        if self.process:
            self.process.give_up(reason)
            await self.process.close()

    def _read(self) -> None:
        """Follow an earlier measurement on this machine."""
        try:
            measured = Measurement.model_validate(atomic.read_json(self._file))
        except (OSError, ValueError, ValidationError):
            return
        if measured.machine == _machine() and measured.base == _identity(self._base):
            self.measured = measured
            self._chosen.set()
            if not _is_faster(measured):
                self._reason = _slower(measured)
                self.process = None

    async def _choose(self, measured: Measurement) -> None:
        self.measured = measured
        log.info(
            "tokens a second for %d chats at once: llama.cpp %.0f, OpenVINO %.0f",
            _PROBE_CHATS,
            measured.llama_cpp,
            measured.openvino,
        )
        if _is_faster(measured):
            self._chosen.set()
        else:
            await self.give_up(_slower(measured))

    @property
    def status(self) -> RuntimeStatus:
        """What answers, and what it has done."""
        openvino = None
        if process := self.process:
            openvino = OpenVinoStatus(
                process.models, process.completions, process.resident_bytes, process.crashes
            )
        return RuntimeStatus(self.name, dict(self.answers), self.failovers, openvino)

    def describe(self) -> dict[str, Any]:
        """Return the choice and why, for /healthz."""
        measured, process = self.measured, self.process
        speeds = measured.model_dump(include={"llama_cpp", "openvino"}) if measured else None
        crashes = {
            "count": process.crashes if process else 0,
            "last": process.last_crash or None if process else None,
        }
        return {
            "name": self.name,
            "reason": self.reason or self._reason_of_choice(),
            "tokens_per_second": speeds and {name: round(speed, 1) for name, speed in speeds.items()},
            "is_measuring": self.to_be_measured is not None,
            "crashes": crashes,
        }

    def _reason_of_choice(self) -> str | None:
        """Return why what answers was chosen, if nothing hinders the other one."""
        if self.to_be_measured:
            return "llama.cpp answers until both runtimes have been measured"
        if self.measured:
            return _speeds(self.measured)
        return "--runtime says so" if self.openvino else None

    def _sentence(self) -> str:
        """Return the choice, for the log."""
        if self._is_torch:
            return "torch answers: the base is a Hugging Face model"
        if self.process is None:
            return f"llama.cpp alone answers: {self.reason}"
        if self.to_be_measured:
            return "llama.cpp answers until the base has been measured in OpenVINO"
        return "OpenVINO answers what it can as soon as it has loaded a model, llama.cpp the rest"

    async def close(self) -> None:
        """End OpenVINO's process."""
        if self.process:
            await self.process.close()


def _is_faster(measured: Measurement) -> bool:
    return measured.openvino > MIN_SPEEDUP * measured.llama_cpp


def _slower(measured: Measurement) -> str:
    return f"OpenVINO was not faster here: {_speeds(measured)}"


def _speeds(measured: Measurement) -> str:
    return (
        f"OpenVINO made {measured.openvino:.0f} tokens a second for {_PROBE_CHATS} chats at once, llama.cpp"
        f" {measured.llama_cpp:.0f}"
    )


def _obstacle(base: Path, free: int) -> str:
    """Return why OpenVINO cannot be tried; empty if it can."""
    if base.is_dir():
        return f"it reads GGUF files, and the base {base} is a Hugging Face model, which torch serves"
    if importlib.util.find_spec("openvino_genai") is None:
        if platform.machine().lower() in _TRIED:
            return "OpenVINO is not installed: pip install openvino-genai"
        return f"OpenVINO is not installed, which was tried on x86-64 only; this is {platform.machine()}"
    if free < _MIN_FREE_MEMORY:
        return f"OpenVINO needs 2 GiB of free memory, and {free / 2**30:.1f} are free"
    return ""


def _machine() -> str:
    versions = [_version(name) for name in ("openvino-genai", "xllamacpp")]
    return " ".join([system.processor_fingerprint(), str(system.compute_threads()), *versions])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:  # it was copied, not installed
        return "unknown"


def _identity(gguf: Path) -> str:
    """Return a name that changes with the content of a file."""
    found = gguf.stat()
    return f"{gguf.stem}-{found.st_size}-{found.st_mtime_ns}"


async def _ask_probe(chunks: Chunks, seed: int) -> int:
    """Return how many tokens an answer has. Raises RuntimeError if it fails."""
    tokens = 0
    async for chunk in chunks({**_PROBE, "seed": seed}):
        if "error" in chunk:
            raise RuntimeError(chunk["error"]["message"])
        tokens = chunk.get("usage", {}).get("completion_tokens", tokens)
    return tokens
