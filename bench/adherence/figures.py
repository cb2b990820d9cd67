"""Shares of answers that keep the rules: as a table of the tuned models beside the base, and as numbers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

from rich.table import Table

from bench.adherence.copying import LONG_RUN
from bench.common.report import comparison_table
from bot.heroes.adherence import METRICS, Answer, pass_rates
from bot.heroes.coherence import VALIDATED, coherence
from bot.heroes.curation import Curation
from bot.rating.thresholds import interval

_COPIED = f"copied_{LONG_RUN}"
_LONGEST = "longest_copied_words"
_SHARES = ("all_rules", "all", "fit", _COPIED)
"""With METRICS, the shares of answers each of which holds by itself: an opening is distinct from others."""

_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of a tuned model, or of the base.

    raw: one answer for each hero. copied: for each of these, the words of its longest run that the training
    set has; empty if that set is not known. drawn: what /hero would show, with the number of texts drawn for
    each; empty if only raw answers were asked for. minutes: for dataset, training and start.
    """

    raw: Sequence[Answer]
    copied: Sequence[int] = ()
    drawn: Sequence[Answer] = ()
    draws: Sequence[int] = ()
    seed: int = 0
    minutes: float = 0.0


def summary(
    tuned: Sequence[Asked], base: Asked, curation: Curation, checks: Sequence[str] = VALIDATED
) -> dict[str, Any]:
    """Return the figures by name: the means over the seeds, their intervals, each seed's, the base's.

    intervals: Wilson's (95 %) for the shares, over the answers of all seeds. spread: the smallest and the
    largest of the seeds' figures. The answers of one model are more alike than those of several, so the
    interval is too narrow if the spread is wider. longest_copied_words is the most of any answer; "all" is
    another name of all_rules. checks: those of coherence to report.
    """
    by_seed = [{**_figures(asked, curation, checks), "minutes": round(asked.minutes, 2)} for asked in tuned]
    values = {name: [figures[name] for figures in by_seed] for name in by_seed[0]}
    overall = {name: max(each) if name == _LONGEST else fmean(each) for name, each in values.items()}
    shares = [name for name in (*METRICS, *_SHARES, *checks, "coherent") if name in values]
    return {
        **{name: round(value, 4) for name, value in overall.items()},
        "intervals": {name: _interval(name, by_seed) for name in shares},
        "spread": {name: [min(each), max(each)] for name, each in values.items()},
        "seeds": [{**figures, "seed": asked.seed} for asked, figures in zip(tuned, by_seed, strict=True)],
        "base": _figures(base, curation, checks) if base.raw else {},
    }


def adherence_table(figures: dict[str, Any], title: str) -> Table:
    """Return one row for each figure: the mean, its interval, each seed's, the base's."""
    seeds = figures["seeds"]
    names = [f"seed {each['seed']}" for each in seeds] if len(seeds) > 1 else []
    table = comparison_table("share of answers", "tuned", "95 %", *names, "base", title=title)
    columns = [*seeds, figures["base"]] if names else [figures["base"]]
    for name, value in figures.items():
        if name in seeds[0] and name not in ("all_rules", "minutes"):
            table.add_row(
                name,
                f"{value:.3g}",
                "-".join(f"{bound:.2f}" for bound in figures["intervals"].get(name, ())),
                *(f"{column[name]:.3g}" if name in column else "" for column in columns),
            )
    table.caption = (
        f"dataset, training and start took {figures['minutes']:.1f} minutes a model; the interval is over "
        f"all answers; {_COPIED} is the share with a run of {LONG_RUN} words or more from the training set"
    )
    if names and figures["source"] == "shipped":
        table.caption += "; the seeds are of trainings alone, the texts that come with the bot are the same"
    return table


def _figures(asked: Asked, curation: Curation, checks: Sequence[str]) -> dict[str, Any]:
    rates = pass_rates(asked.raw, curation)
    figures = {**rates, "all": rates["all_rules"], **_coherent(asked.raw, checks), "heroes": len(asked.raw)}
    if asked.copied:
        figures[_COPIED] = sum(words >= LONG_RUN for words in asked.copied) / len(asked.copied)
        figures["median_copied_words"] = median(asked.copied)
        figures[_LONGEST] = max(asked.copied)
    if asked.drawn:
        drawn = pass_rates(asked.drawn, curation)
        figures |= {"drawn_all_rules": drawn["all_rules"], "drawn_fit": drawn["fit"]}
        figures["draws"] = fmean(asked.draws)
    return figures


def _coherent(answers: Sequence[Answer], checks: Sequence[str]) -> dict[str, float]:
    """Return the shares for which each of the checks holds, and all of them at once; none for no checks."""
    if not checks:
        return {}
    held = coherence(answers)
    return {
        **{check: fmean(each[check] for each in held) for check in checks},
        "coherent": fmean(all(each[check] for check in checks) for each in held),
    }


def _interval(name: str, by_seed: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return Wilson's interval for the share of the answers of all seeds."""
    hits = sum(round(figures[name] * figures["heroes"]) for figures in by_seed)
    heroes = sum(figures["heroes"] for figures in by_seed)
    return [round(bound, 4) for bound in interval(hits, heroes - hits, _CONFIDENCE)]
