"""What the generations came to: a table, plain figures, and the plot."""

import random
from collections.abc import Sequence
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

_DRAWS = 4000  # resamples of the bootstrap
_COLOURS = ("#5865f2", "#e67e22", "#16a085")

Generation = dict[str, Any]


def interval(values: Sequence[float]) -> tuple[float, float]:
    """The bootstrap's 95 % interval of a mean: texts drawn again with replacement, always the same ones."""
    chance = random.Random(0)  # noqa: S311 (statistics, no secret)
    means = sorted(mean(chance.choices(values, k=len(values))) for _ in range(_DRAWS))
    return means[_DRAWS // 40], means[-_DRAWS // 40]


def lines(found: dict[str, Any]) -> dict[str, list[Generation]]:
    """Each seed's generations, the common first one at the head."""
    return {seed: [found["first"], *later] for seed, later in found["seeds"].items()}


def summary(found: dict[str, Any]) -> dict[str, Any]:
    """The figures of a run: means over the seeds by generation, and what rose in how many of them."""
    every = lines(found)
    generations = range(len(next(iter(every.values()))))
    scores = {seed: [mean(_column(each, "score")) for each in line] for seed, line in every.items()}
    last_gains = [_gain(line[0], line[-1]) for line in every.values()]
    trials = [each["trial"] for line in every.values() for each in line[1:]]
    return {
        "score_by_generation": [round(mean(each[at] for each in scores.values()), 3) for at in generations],
        "words_by_generation": [
            round(mean(mean(_column(line[at], "words")) for line in every.values()), 1) for at in generations
        ],
        "fit_by_generation": [
            round(mean(_fit(line[at]) for line in every.values()), 2) for at in generations
        ],
        "score_without_votes": [
            round(mean(_column(each, "score")), 3) for each in (found["first"], *found["without_votes"])
        ],
        "seeds": len(every),
        "rose": sum(each[-1] > each[0] for each in scores.values()),
        "rose_surely": sum(low > 0 for _, (low, _) in last_gains),
        "gain": round(mean(gain for gain, _ in last_gains), 3),
        "trials": len(trials),
        "promoted": sum(each["promoted"] for each in trials),
        "minutes": found["minutes"],
        "outvoted": sum(each["state"] == "lost" for each in trials),
    }


def _gain(first: Generation, last: Generation) -> tuple[float, tuple[float, float]]:
    """How much higher the later model's score is, hero by hero, with the interval of its mean."""
    pairs = zip(_column(first, "score"), _column(last, "score"), strict=True)
    differences = [after - before for before, after in pairs]
    return mean(differences), interval(differences)


def _column(generation: Generation, name: str) -> list[float]:
    return [float(each[name]) for each in generation["probe"]]


def _fit(generation: Generation) -> float:
    """The share of texts that curation would let in."""
    return mean(each["fault"] is None for each in generation["probe"])


def table(found: dict[str, Any]) -> Table:
    """One row for each generation of each seed."""
    shown = Table(
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
    )
    shown.add_row("all", "1", *_row(found["first"]))
    for number, each in enumerate(found["without_votes"], 2):
        shown.add_row("no votes", str(number), *_row(each))
    for seed, line in lines(found).items():
        for number, each in enumerate(line, 1):
            if number > 1:
                shown.add_row(seed, str(number), *_row(each))
    return shown


def _row(generation: Generation) -> list[str]:
    counts, tuning, trial = generation["dataset"]["counts"], generation["tuning"], generation.get("trial")
    low, high = interval(_column(generation, "score"))
    ends = (
        [f"{trial['wins']} : {trial['losses']}", f"{trial['evidence']:.3g}", _end(trial)]
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
        *ends,
    ]


def _end(trial: dict[str, Any]) -> str:
    return "won, promoted" if trial["promoted"] else str(trial["state"])


def draw(path: Path, found: dict[str, Any]) -> None:
    """Draw score and words by generation as a PNG, with 95 % intervals."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy: where it is used)

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, name, title in zip(
        panels,
        ("score", "words"),
        ("what readers with the hidden taste like (0 to 1)", "words a description"),
        strict=True,
    ):
        for shift, (colour, (seed, line)) in enumerate(zip(_COLOURS, lines(found).items(), strict=False)):
            _draw_line(axes, line, name, colour=colour, label=f"readers {seed}", shift=(shift - 1) * 0.06)
        control = [mean(_column(each, name)) for each in (found["first"], *found["without_votes"])]
        axes.plot(range(1, len(control) + 1), control, "x--", color="grey", label="without votes")
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("generation (hollow: not promoted)")
        axes.set_xticks(range(1, len(line) + 1))
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].legend(frameon=False)
    figure.savefig(path)


def _draw_line(
    axes: Any, line: list[Generation], name: str, *, colour: str, label: str, shift: float
) -> None:
    places = [at + 1 + shift for at in range(len(line))]
    means = [mean(_column(each, name)) for each in line]
    axes.plot(places, means, color=colour, linewidth=1.2, alpha=0.6, label=label)
    for place, middle, each in zip(places, means, line, strict=True):
        low, high = interval(_column(each, name))
        promoted = each.get("trial", {"promoted": True})["promoted"]
        axes.errorbar(
            place,
            middle,
            yerr=[[middle - low], [high - middle]],
            fmt="o",
            color=colour,
            markerfacecolor=colour if promoted else "white",
            capsize=3,
        )
