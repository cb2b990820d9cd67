"""The gate's margins, by the models of a run whose hidden-taste scores are known.

A false alarm is a better model that a rule holds back, a miss a worse one that it lets through. Better and
worse are meant by the score: what readers like, not what the rules count.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from statistics import mean
from typing import Any

from rich.table import Table

from bench.common.report import comparison_table
from bench.flywheel.figures import Course, Generation, bootstrap_interval, courses
from bot.store.job_schema import Fault, Verdict
from bot.tuning.gate_rules import GateRules

_OFF = 1e9  # a margin that nothing exceeds
_ALL_OFF = GateRules(margin=_OFF, loss_margin=_OFF, best_margin=_OFF)
_SHARES = (0.0, 0.025, 0.05, 0.1, 0.15, 0.2, 0.3)
_NATS = (0.0, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5)


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of the gate by itself: its name, its margins, and the rules with one of them."""

    name: str
    margins: tuple[float, ...]
    rules: Callable[[float], GateRules]
    faults: frozenset[Fault]


_RULES = (
    _Rule("fit", _SHARES, lambda margin: replace(_ALL_OFF, margin=margin), frozenset({"fit below live"})),
    _Rule(
        "all rules", _SHARES, lambda margin: replace(_ALL_OFF, margin=margin), frozenset({"rules below live"})
    ),
    _Rule(
        "loss", _NATS, lambda margin: replace(_ALL_OFF, loss_margin=margin), frozenset({"loss above live"})
    ),
    _Rule(
        "best texts",
        _NATS,
        lambda margin: replace(_ALL_OFF, best_margin=margin),
        frozenset({"best texts below live"}),
    ),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """A new model beside the one that was live: what the gate measured, and the gain in score, hero by hero.

    surely: whether the gain's 95 % interval leaves out zero.
    """

    verdict: Verdict
    gain: float
    surely: bool


def comparisons(generations: Sequence[Generation]) -> list[Comparison]:
    """Return all pairs of a new model and the live one; lines without a taste are judged by each taste."""
    return [
        _comparison(course, index)
        for course in courses(generations)
        for index in range(1, len(course.generations))
    ]


def _comparison(course: Course, index: int) -> Comparison:
    live = course.generations[index]["live"]
    before = next(number for number, each in enumerate(course.generations[:index]) if each["model"] == live)
    pairs = zip(course.scores(before), course.scores(index), strict=True)
    gains = [after - earlier for earlier, after in pairs]
    low, high = bootstrap_interval(gains)
    verdict = Verdict.from_json(course.generations[index]["gate"])
    return Comparison(verdict, mean(gains), surely=low > 0 or high < 0)


def gate_figures(found: Sequence[Comparison]) -> dict[str, Any]:
    """Return false alarms and misses by rule and margin, and of all rules as they are set."""
    better = [each for each in found if each.gain >= 0]
    worse = [each for each in found if each.gain < 0]
    set_now = GateRules()
    return {
        "better": len(better),
        "worse": len(worse),
        "surely_better": sum(each.surely for each in better),
        "surely_worse": sum(each.surely for each in worse),
        "best_texts_asked": sum(each.verdict.new.best_log_prob is not None for each in found),
        "by_rule": {
            rule.name: [_counts(rule, margin, better, worse) for margin in rule.margins] for rule in _RULES
        },
        "all_rules": _errors(better, worse, lambda verdict: bool(_faults(set_now, verdict))),
    }


def _counts(
    rule: _Rule, margin: float, better: Sequence[Comparison], worse: Sequence[Comparison]
) -> dict[str, Any]:
    rules = rule.rules(margin)
    held = _errors(better, worse, lambda verdict: not rule.faults.isdisjoint(_faults(rules, verdict)))
    return {"margin": margin, **held}


def _errors(
    better: Sequence[Comparison], worse: Sequence[Comparison], holds: Callable[[Verdict], bool]
) -> dict[str, int]:
    return {
        "false_alarms": sum(holds(each.verdict) for each in better),
        "sure_false_alarms": sum(holds(each.verdict) for each in better if each.surely),
        "misses": sum(not holds(each.verdict) for each in worse),
        "sure_misses": sum(not holds(each.verdict) for each in worse if each.surely),
    }


def _faults(rules: GateRules, verdict: Verdict) -> list[Fault]:
    return rules.faults(verdict.new, verdict.live)


def gate_table(figures: dict[str, Any], title: str) -> Table:
    """Return one row for each rule and margin; in brackets, models whose gain or loss is beyond chance."""
    better = f"false alarms of {figures['better']} ({figures['surely_better']})"
    worse = f"misses of {figures['worse']} ({figures['surely_worse']})"
    table = comparison_table("rule", "margin", better, worse, title=title)
    table.caption = f"The best-rated texts were asked of {figures['best_texts_asked']}."
    for name, rows in figures["by_rule"].items():
        for row in rows:
            table.add_row(name, f"{row['margin']:.3f}", *_cells(row))
    table.add_row("all, as set", "", *_cells(figures["all_rules"]))
    return table


def _cells(row: dict[str, int]) -> tuple[str, str]:
    return (
        f"{row['false_alarms']} ({row['sure_false_alarms']})",
        f"{row['misses']} ({row['sure_misses']})",
    )
