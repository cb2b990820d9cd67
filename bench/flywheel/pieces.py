"""The pieces of a run: each is done once, in a folder of its own, and its figures are kept beside it.

    first/                       the first generation, which all lines share
    none/, random/seed1/         lines whose models depend on no taste: generation2/, generation3/ ...
    form/seed1/asked/            what the readers of a taste asked for and rated; these lines share it
    form/seed1/votes/            a line: generation2/, generation3/ ...

Beside each folder is a file of its name with .json. A run that was stopped goes on at the piece that it was
in. A folder is deleted once the next generation of its line is done.
"""

import json
import os
import shutil
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bench.common.errors import BenchError
from bench.common.report import log_progress
from bench.flywheel.generations import Place, Size, ask_and_rate, first_generation, next_generation
from bench.flywheel.lines import LINES
from bench.flywheel.tastes import TasteName

_WEIGHTS = {".gguf", ".safetensors"}  # of models, which are written once and never changed


class Pieces:
    """Runs the pieces that are missing in a folder. engine_url: a model server that runs already."""

    def __init__(self, data: Path, size: Size, *, engine_url: str | None = None) -> None:
        """Raises BenchError if the folder holds a run of another size."""
        self._data = data
        self._size = size
        self._engine_url = engine_url
        self._first = data / "first"
        _require_size(data / "size.json", size)

    async def run(self, tastes: Sequence[TasteName], seeds: Sequence[int], lines: Sequence[str]) -> None:
        """Run the lines of some tastes and groups of readers, seed after seed."""
        first = partial(first_generation, size=self._size, engine_url=self._engine_url)
        await self._run_once(self._first, None, first)
        if "none" in lines:
            await self._run_line(self._data / "none", Place("none", None, None, 1), self._first)
        for seed in seeds:
            for taste in tastes:
                await self._run_taste(taste, seed, [line for line in lines if LINES[line].has_taste])
            if "random" in lines:
                folder = self._data / "random" / f"seed{seed}"
                await self._run_line(folder, Place("random", None, seed, 1), self._first)

    async def _run_taste(self, taste: TasteName, seed: int, lines: Sequence[str]) -> None:
        if not lines:
            return
        folder = self._data / taste / f"seed{seed}"
        place = Place("asked", taste, seed, 2)
        ask = partial(ask_and_rate, size=self._size, place=place, engine_url=self._engine_url)
        thumbs = await self._run_once(folder / "asked", self._first, ask)
        for line in lines:
            await self._run_line(folder / line, Place(line, taste, seed, 1), folder / "asked", thumbs)

    async def _run_line(
        self, folder: Path, place: Place, origin: Path, thumbs: dict[str, int] | None = None
    ) -> None:
        """Run the generations of a line. thumbs: of the second one, if its readers have rated already."""
        before = origin
        for number in range(2, self._size.generations + 1):
            work = partial(
                next_generation,
                size=self._size,
                place=Place(place.line, place.taste, place.seed, number),
                thumbs=thumbs if number == 2 else None,
                engine_url=self._engine_url,
            )
            after = folder / f"generation{number}"
            await self._run_once(after, before, work)
            if before != origin:
                shutil.rmtree(before, ignore_errors=True)
            before = after

    async def _run_once(
        self, folder: Path, origin: Path | None, work: Callable[[Path], Awaitable[Any]]
    ) -> Any:
        """Return the figures of some work in a copy of `origin`: those that are kept, or new ones."""
        kept = folder.with_name(f"{folder.name}.json")
        if kept.exists():
            return read_json(kept)["figures"]
        unfinished = folder.with_name(f"{folder.name}.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)
        if origin:
            shutil.copytree(origin, unfinished, copy_function=_copy)
        name = folder.relative_to(self._data)
        log_progress(f"{name} ...")
        started = time.monotonic()
        figures = await work(unfinished)
        minutes = round((time.monotonic() - started) / 60, 1)
        log_progress(f"{name}: {minutes} minutes")
        unfinished.rename(folder)
        write_json(kept, {"figures": figures, "minutes": minutes})
        return figures


def _copy(source: str, target: str) -> None:
    """Copy a file; weights take no room twice if the disk knows links."""
    if Path(source).suffix in _WEIGHTS:
        with suppress(OSError):
            os.link(source, target)
            return
    shutil.copy2(source, target)


def _require_size(file: Path, size: Size) -> None:
    now = json.loads(json.dumps(asdict(size)))
    if file.exists() and read_json(file) != now:
        raise BenchError(f"{file.parent} holds a run of another size: name another folder.")
    write_json(file, now)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, and the folders above it; it is there as a whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".tmp")
    unfinished.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
    unfinished.replace(path)


def read_json(path: Path) -> Any:
    """Return what a JSON file holds. Raises BenchError if it cannot be read."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BenchError(f"{path} cannot be read ({error}). Delete it: its piece is run again.") from error
