"""The figures of all generations that a folder holds: a table, a summary and a plot."""

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from rich.table import Table

from bench.common.errors import BenchError
from bench.flywheel.lines import LINES
from bench.flywheel.pieces import read_json
from bench.flywheel.tastes import TASTES, TasteName
from bot import palette

_DRAWS = 4000  # bootstrap resamples
_COLOURS = (
    palette.MODEL,
    "grey",
    "black",
    palette.UNSEEN,
    palette.COUNT,
    "olive",
)
_WITHOUT_VOTES = "none"

Generation = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Course:
    """The generations of one line, as one taste sees them, from the first on, which all lines share.

    seed: of its readers; None for the line without votes, which has none.
    """

    taste: TasteName
    line: str
    seed: int | None
    generations: tuple[Generation, ...]

    def scores(self, index: int) -> list[float]:
        """Return how much the average reader likes each text of a generation's model, 0 to 1."""
        return [float(text["scores"][self.taste]) for text in self.generations[index]["probe"]]


def read(data: Path) -> list[Generation]:
    """Return the figures of all finished generations in a folder, the first one first. Raises BenchError."""
    if not (data / "first.json").exists():
        raise BenchError(f"{data} holds no first generation: nothing was run there, or not to its end.")
    found = [data / "first.json", *data.rglob("generation*.json")]
    records = [read_json(file) for file in found]
    return [{**record["figures"], "minutes": record["minutes"]} for record in records]


def courses(generations: Sequence[Generation]) -> list[Course]:
    """Return the lines by taste, seed and line; those that depend on no taste are in both."""
    first, *later = generations
    by_line: dict[tuple[str, str | None, int | None], list[Generation]] = defaultdict(list)
    for generation in later:
        by_line[generation["line"], generation["taste"], generation["seed"]].append(generation)
    found = [
        Course(taste, line, seed, (first, *sorted(its, key=lambda each: int(each["generation"]))))
        for (line, own, seed), its in by_line.items()
        for taste in TASTES
        if own in (None, taste)
    ]
    order = list(LINES)
    return sorted(
        found, key=lambda each: (list(TASTES).index(each.taste), order.index(each.line), each.seed or 0)
    )


def bootstrap_interval(values: Sequence[float]) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of a mean: always the same one for the same values."""
    rng = random.Random(0)  # noqa: S311 (statistics, no secret)
    means = sorted(mean(rng.choices(values, k=len(values))) for _ in range(_DRAWS))
    return means[_DRAWS // 40], means[-_DRAWS // 40]


def summary(generations: Sequence[Generation]) -> dict[str, Any]:
    """Return the figures of a run, by taste and line: means over the seeds, by generation."""
    found = courses(generations)
    trials = [
        each["trial"] for each in generations[1:] if each["trial"] and LINES[each["line"]].votes == "readers"
    ]
    by_taste: dict[str, dict[str, list[Course]]] = defaultdict(lambda: defaultdict(list))
    for course in found:
        by_taste[course.taste][course.line].append(course)
    return {
        "score_by_generation": {
            taste: {line: _means(its) for line, its in lines.items()} for taste, lines in by_taste.items()
        },
        "above_no_votes": {
            taste: {
                line: above
                for line, its in lines.items()
                if line != _WITHOUT_VOTES and (above := above_no_votes(its, lines.get(_WITHOUT_VOTES, [])))
            }
            for taste, lines in by_taste.items()
        },
        "seeds": {
            taste: {line: len(its) for line, its in lines.items()} for taste, lines in by_taste.items()
        },
        "trials": len(trials),
        "promoted": sum(trial["promoted"] for trial in trials),
        "outvoted": sum(trial["state"] == "lost" for trial in trials),
        "minutes": round(sum(generation["minutes"] for generation in generations), 1),
    }


def _means(found: Sequence[Course]) -> list[float]:
    """Return the mean score of each generation that all of the lines have reached."""
    reached = min(len(course.generations) for course in found)
    return [round(mean(mean(course.scores(index)) for course in found), 3) for index in range(reached)]


def above_no_votes(found: Sequence[Course], without: Sequence[Course]) -> list[list[float]]:
    """Return by how much each later generation lies above the one without votes: mean, and its interval.

    Compared hero by hero: all models wrote of the same ones. The texts of one hero are compared with the same
    text, so heroes are resampled, with what all groups of readers have of each.
    """
    if not without:
        return []
    control = without[0]
    reached = min(len(course.generations) for course in (*found, control))
    gains = []
    for index in range(1, reached):
        base = control.scores(index)
        differences = [each - other for each, other in zip(_by_hero(found, index), base, strict=True)]
        gains.append([round(value, 3) for value in (mean(differences), *bootstrap_interval(differences))])
    return gains


def _by_hero(found: Sequence[Course], index: int) -> list[float]:
    """Return the mean score of each hero's texts in a generation, over the lines."""
    scores = [course.scores(index) for course in found]
    return [mean(of_one) for of_one in zip(*scores, strict=True)]


def _share(generation: Generation, holds: str) -> float:
    """Return the share of texts that are fit to train, or keep all rules."""
    probe = generation["probe"]
    return mean((text["fault"] is None) if holds == "fit" else bool(text["all_rules"]) for text in probe)


def generations_table(generations: Sequence[Generation], title: str) -> Table:
    """Return one row for each generation of each line and group of readers, by taste."""
    table = Table(
        *("taste", "line", "readers", "generation", "minutes", "liked texts", "held-out loss", "words"),
        *("fit", "all rules", "score (95 %)", "for : against", "trial", "check"),
        title=title,
    )
    first = generations[0]
    for taste in TASTES:
        table.add_row(*_row(Course(taste, "all", None, (first,)), 0))
        for course in courses(generations):
            if course.taste == taste:
                for index in range(1, len(course.generations)):
                    table.add_row(*_row(course, index))
    return table


def _row(course: Course, index: int) -> list[str]:
    generation = course.generations[index]
    tuning, trial = generation["tuning"], generation.get("trial")
    scores = course.scores(index)
    low, high = bootstrap_interval(scores)
    method = generation.get("method", "supervised")
    return [
        course.taste,
        course.line
        if method == LINES.get(course.line, LINES["votes"]).method
        else f"{course.line} ({method})",
        "" if course.seed is None else str(course.seed),
        str(generation["generation"]),
        f"{generation['minutes']:.1f}",
        str(generation["dataset"]["counts"].get("description", 0)),
        f"{tuning['loss_before']:.3f} -> {tuning['loss_after']:.3f}" if "loss_after" in tuning else "",
        f"{mean(text['words'] for text in generation['probe']):.1f}",
        f"{_share(generation, 'fit'):.2f}",
        f"{_share(generation, 'all rules'):.2f}",
        f"{mean(scores):.3f} ({low:.3f}-{high:.3f})",
        f"{trial['wins']} : {trial['losses']}" if trial else "",
        ("won, promoted" if trial["promoted"] else str(trial["state"])) if trial else "",
        ", ".join(generation["gate"].get("faults", [])) or "passed",
    ]


def summary_lines(figures: dict[str, Any]) -> Iterator[str]:
    """Yield a summary as lines of text."""
    for name, value in figures.items():
        if isinstance(value, dict):
            yield from (
                f"{name}, {taste}, {line}: {each}"
                for taste, its in value.items()
                for line, each in its.items()
            )
        else:
            yield f"{name}: {value}"


def draw(path: Path, generations: Sequence[Generation]) -> None:
    """Write a PNG of the scores by generation, a panel for each taste; the bars are 95 % intervals."""
    from matplotlib.figure import Figure  # noqa: PLC0415 (heavy, and --help does not need it)

    figure = Figure(figsize=(9, 3.8), dpi=120, layout="constrained")
    panels = figure.subplots(1, len(TASTES), sharey=True)
    for axes, taste in zip(panels, TASTES, strict=True):
        _draw_taste(axes, [each for each in courses(generations) if each.taste == taste])
        axes.set_title(f"taste of {taste}", fontsize=10)
        axes.set_xlabel("generation")
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set_ylabel("share that readers like (0 to 1)")
    panels[0].legend(frameon=False, fontsize=8)
    figure.savefig(path)


def _draw_taste(axes: Any, found: Sequence[Course]) -> None:
    for shift, (line, colour) in enumerate(zip(LINES, _COLOURS, strict=True)):
        its = [course for course in found if course.line == line]
        if not its:
            continue
        means = _means(its)
        places = [number + 1 + (shift - 2) * 0.04 for number in range(len(means))]
        axes.plot(places, means, color=colour, linewidth=1.2, alpha=0.7, label=f"{line} ({len(its)})")
        for index, (place, middle) in enumerate(zip(places, means, strict=True)):
            low, high = bootstrap_interval(_by_hero(its, index))
            bars = [[max(0.0, middle - low)], [max(0.0, high - middle)]]  # the mean is rounded
            axes.errorbar(place, middle, yerr=bars, fmt="o", color=colour, capsize=3)
        axes.set_xticks(range(1, len(means) + 1))
