"""Shares of answers that keep the rules: as a table of the tuned models beside the base, and as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from rich.table import Table

from bench.common.report import comparison_table
from bot.heroes.adherence import METRICS, Answer, pass_rates
from bot.heroes.curation import Curation

_SHARES = (*METRICS, "all_rules", "fit", "distinct_openings")


@dataclass(frozen=True, slots=True)
class Asked:
    """The answers of a tuned model.

    raw: one answer for each hero. drawn: what /hero would show, with the number of texts drawn for each;
    empty if only raw answers were asked for. minutes: for dataset, training and start.
    """

    raw: Sequence[Answer]
    drawn: Sequence[Answer] = ()
    draws: Sequence[int] = ()
    seed: int = 0
    minutes: float = 0.0


def summary(tuned: Sequence[Asked], base: Sequence[Answer], curation: Curation) -> dict[str, Any]:
    """Return the figures by name: the means over the seeds, each seed's, the base's."""
    by_seed = [_figures(asked, curation) for asked in tuned]
    means = {name: fmean(figures[name] for figures in by_seed) for name in by_seed[0] if name != "seed"}
    return {
        **{name: round(value, 4) for name, value in means.items()},
        "seeds": by_seed,
        "base": {**pass_rates(base, curation), "heroes": len(base)},
    }


def _figures(asked: Asked, curation: Curation) -> dict[str, Any]:
    figures = {**pass_rates(asked.raw, curation), "heroes": len(asked.raw), "seed": asked.seed}
    if asked.drawn:
        drawn = pass_rates(asked.drawn, curation)
        figures |= {"drawn_all_rules": drawn["all_rules"], "drawn_fit": drawn["fit"]}
        figures["draws"] = fmean(asked.draws)
    return figures | {"minutes": round(asked.minutes, 2)}


def adherence_table(figures: dict[str, Any], title: str) -> Table:
    """Return one row for each share: the mean, each seed's, the base's."""
    seeds = figures["seeds"]
    names = ["tuned", *(f"seed {each['seed']}" for each in seeds)] if len(seeds) > 1 else ["tuned"]
    table = comparison_table("share of answers", *names, "base", title=title)
    columns = [figures, *seeds] if len(seeds) > 1 else [figures]
    for name in (*_SHARES, "heroes"):
        table.add_row(name, *(f"{column[name]:.3g}" for column in (*columns, figures["base"])))
    if "draws" in figures:
        for name in ("drawn_all_rules", "drawn_fit", "draws"):
            table.add_row(name, *(f"{column[name]:.3g}" for column in columns), "")
    table.caption = f"dataset, training and start took {figures['minutes']:.1f} minutes a model"
    return table
