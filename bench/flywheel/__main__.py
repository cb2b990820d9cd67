"""Does the loop find out what people like? Three generations, on the real engine, through the real commands.

    python -m bench.flywheel [--quick] [--json] [--data FOLDER] [--out FOLDER]

A first model is tuned on written examples alone. Then, for each seed, a server of simulated readers
(crowd.py) with one hidden taste (taste.py) asks for heroes and leaves thumbs; an operator orders
the next dataset and tunes the live model further on it; the readers vote in blind duels, and the bot's own
test decides which of the two serves. What a model is worth is the taste itself, without its noise, on heroes
that nobody asks for. Beside them stands a model that was tuned further as often, but without anybody's votes.
About an hour on two cores; --quick: one seed and two generations of few texts.

--data keeps the folder: what it holds of an earlier run is not made again. --out: where plot and figures go.
With --json the last line is one JSON object.
"""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console

from bench.common.machine import describe
from bench.flywheel.generations import (
    FULL,
    QUICK,
    SEEDS,
    Size,
    first_generation,
    later_generations,
    without_votes,
)
from bench.flywheel.report import draw, summary, table


async def run(
    data: Path, size: Size, seeds: tuple[int, ...], *, engine_url: str | None = None
) -> dict[str, Any]:
    """Run the first generation, and each seed's own from there. Returns all that was measured.

    engine_url: a model server that runs already; one is started where it is None.
    """
    origin = data / "first"
    first = await _once(data / "first.json", partial(first_generation, origin, size, engine_url=engine_url))
    control = await _once(
        data / "without_votes.json",
        partial(without_votes, origin, data / "without_votes", size, engine_url=engine_url),
    )
    lines = {
        str(seed): await _once(
            data / f"seed{seed}.json",
            partial(later_generations, origin, data / f"seed{seed}", size, seed, engine_url=engine_url),
        )
        for seed in seeds
    }
    return {
        "size": asdict(size),
        "minutes": round(sum(each["minutes"] for each in (first, *lines.values(), control)), 1),
        "first": first["figures"],
        "seeds": {seed: each["figures"] for seed, each in lines.items()},
        "without_votes": control["figures"],
    }


async def _once(path: Path, work: Callable[[], Awaitable[Any]]) -> Any:
    """What a piece of work has measured and how long it took, kept in a file: it is not done again."""
    kept = _kept(path)
    if kept is None:
        began = time.monotonic()
        kept = {"figures": await work(), "minutes": round((time.monotonic() - began) / 60, 1)}
        _keep(path, kept)
    return kept


def _kept(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _keep(path: Path, figures: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(figures, indent=1, ensure_ascii=False), encoding="utf-8")


def main() -> None:
    """Read the command line, run, show the figures and draw them; with --json also as the last line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="one seed, two generations, few texts")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON in the last line")
    parser.add_argument("--data", type=Path, help="a folder to keep, or one that was kept")
    parser.add_argument("--out", type=Path, help="a folder for flywheel.png and flywheel.json")
    chosen = parser.parse_args()
    size, seeds = (QUICK, SEEDS[:1]) if chosen.quick else (FULL, SEEDS)
    with TemporaryDirectory(prefix="generations-") as made:
        found = asyncio.run(run(chosen.data or Path(made), size, seeds))
    figures = {**summary(found), "machine": describe()}
    console = Console()
    console.print(table(found))
    if chosen.out:
        _keep(chosen.out / "flywheel.json", {**figures, **found})
        draw(chosen.out / "flywheel.png", found)
    console.print(figures)
    if chosen.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    main()
