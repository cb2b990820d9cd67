"""The figures of all generations: a table, a summary and a plot."""

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from bot import palette

_DRAWS = 4000  # bootstrap resamples
_COLOURS = (palette.MODEL, palette.UNSEEN, palette.COUNT)

Generation = dict[str, Any]


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean: always the same one for the same values."""
    rng = random.Random(0)  # noqa: S311 (statistics, no secret)
    means = sorted(mean(rng.choices(values, k=len(values))) for _ in range(_DRAWS))
    return means[_DRAWS // 40], means[-_DRAWS // 40]


def generations_by_seed(results: dict[str, Any]) -> dict[str, list[Generation]]:
    """Return the generations of each seed, starting with the first one, which all share."""
    return {seed: [results["first"], *later] for seed, later in results["seeds"].items()}


def summary(results: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a run: means over the seeds by generation, and how many seeds improved."""
    by_seed = generations_by_seed(results)
    numbers = range(len(next(iter(by_seed.values()))))
    scores = {
        seed: [mean(_column(generation, "score")) for generation in generations]
        for seed, generations in by_seed.items()
    }
    last_gains = [_gain(generations[0], generations[-1]) for generations in by_seed.values()]
    trials = [generation["trial"] for generations in by_seed.values() for generation in generations[1:]]
    return {
        "score_by_generation": [
            round(mean(seed_scores[number] for seed_scores in scores.values()), 3) for number in numbers
        ],
        "words_by_generation": [
            round(mean(mean(_column(generations[number], "words")) for generations in by_seed.values()), 1)
            for number in numbers
        ],
        "fit_by_generation": [
            round(mean(_fit(generations[number]) for generations in by_seed.values()), 2)
            for number in numbers
        ],
        "score_without_votes": [
            round(mean(_column(generation, "score")), 3)
            for generation in (results["first"], *results["without_votes"])
        ],
        "seeds": len(by_seed),
        "rose": sum(seed_scores[-1] > seed_scores[0] for seed_scores in scores.values()),
        "rose_surely": sum(low > 0 for _, (low, _) in last_gains),
        "gain": round(mean(gain for gain, _ in last_gains), 3),
        "trials": len(trials),
        "promoted": sum(trial["promoted"] for trial in trials),
        "minutes": results["minutes"],
        "outvoted": sum(trial["state"] == "lost" for trial in trials),
    }


def _gain(first: Generation, last: Generation) -> tuple[float, tuple[float, float]]:
    """Return the mean gain in score, hero by hero, and its interval."""
    pairs = zip(_column(first, "score"), _column(last, "score"), strict=True)
    differences = [after - before for before, after in pairs]
    return mean(differences), bootstrap_interval(differences)


def _column(generation: Generation, name: str) -> list[float]:
    return [float(text[name]) for text in generation["probe"]]


def _fit(generation: Generation) -> float:
    """Return the share of texts that curation would admit."""
    return mean(text["fault"] is None for text in generation["probe"])


def generations_table(results: dict[str, Any], title: str) -> Table:
    """Return one row for each generation of each seed."""
    table = Table(
        *(
            "seed",
            "generation",
            "liked texts",
            "held-out loss",
            "words",
            "power named",
            "fit to train",
            "score (95 %)",
        ),
        *("for : against", "evidence", "trial"),
        title=title,
    )
    table.add_row("all", "1", *_row(results["first"]))
    for number, generation in enumerate(results["without_votes"], 2):
        table.add_row("no votes", str(number), *_row(generation))
    for seed, generations in generations_by_seed(results).items():
        for number, generation in enumerate(generations, 1):
            if number > 1:
                table.add_row(seed, str(number), *_row(generation))
    return table


def _row(generation: Generation) -> list[str]:
    counts, tuning, trial = generation["dataset"]["counts"], generation["tuning"], generation.get("trial")
    low, high = bootstrap_interval(_column(generation, "score"))
    trial_cells = (
        [f"{trial['wins']} : {trial['losses']}", f"{trial['evidence']:.3g}", _trial_outcome(trial)]
        if trial
        else [""] * 3
    )
    return [
        str(counts.get("description", 0)),
        f"{tuning['loss_before']:.3f} -> {tuning['loss_after']:.3f}" if "loss_after" in tuning else "",
        f"{mean(_column(generation, 'words')):.1f}",
        f"{mean(_column(generation, 'power_named')):.2f}",
        f"{_fit(generation):.2f}",
        f"{mean(_column(generation, 'score')):.3f} ({low:.3f}-{high:.3f})",
        *trial_cells,
    ]


def _trial_outcome(trial: dict[str, Any]) -> str:
    return "won, promoted" if trial["promoted"] else str(trial["state"])


def draw(path: Path, results: dict[str, Any]) -> None:
    """Write a PNG of score and words by generation, with 95 % intervals."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy, and --help does not need it)

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, name, title in zip(
        panels,
        ("score", "words"),
        ("share that readers like (0 to 1)", "words per description"),
        strict=True,
    ):
        for shift, (colour, (seed, generations)) in enumerate(
            zip(_COLOURS, generations_by_seed(results).items(), strict=False)
        ):
            _draw_generations(
                axes, generations, name, colour=colour, label=f"readers {seed}", shift=(shift - 1) * 0.06
            )
        control = [
            mean(_column(generation, name)) for generation in (results["first"], *results["without_votes"])
        ]
        axes.plot(range(1, len(control) + 1), control, "x--", color="grey", label="without votes")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("generation (hollow: not promoted)")
        axes.set_xticks(range(1, len(generations) + 1))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.savefig(path)


def _draw_generations(
    axes: Any, generations: list[Generation], name: str, *, colour: str, label: str, shift: float
) -> None:
    places = [number + 1 + shift for number in range(len(generations))]
    means = [mean(_column(generation, name)) for generation in generations]
    axes.plot(places, means, color=colour, linewidth=1.2, alpha=0.6, label=label)
    for place, middle, generation in zip(places, means, generations, strict=True):
        low, high = bootstrap_interval(_column(generation, name))
        promoted = generation.get("trial", {"promoted": True})["promoted"]
        axes.errorbar(
            place,
            middle,
            yerr=[[middle - low], [high - middle]],
            fmt="o",
            color=colour,
            markerfacecolor=colour if promoted else "white",
            capsize=3,
        )
