"""The rules of the gate at their boundaries."""

import pytest

from bot.store.job_schema import Fault, ModelFigures
from bot.tuning.gate_rules import GateRules

RULES = GateRules()


def figures(
    fit: int,
    all_rules: int | None = None,
    loss: float | None = None,
    *,
    texts: int = 40,
    of: str = "texts base",
) -> ModelFigures:
    all_rules = fit if all_rules is None else all_rules
    return ModelFigures(texts=texts, fit=fit, all_rules=all_rules, loss=loss, reference=of)


@pytest.mark.parametrize(("fit", "faults"), [(0, ["fit"]), (19, ["fit"]), (20, []), (40, [])])
def test_a_first_model_needs_half_of_its_texts_fit_and_no_more(fit: int, faults: list[Fault]) -> None:
    assert RULES.faults(figures(fit, all_rules=0, loss=9.0), None) == faults


@pytest.mark.parametrize("texts", [10, 30, 40, 70])  # a tenth of them is no whole binary fraction
@pytest.mark.parametrize("live_share", [0.3, 0.5, 0.8, 1.0])
def test_a_later_model_may_lie_a_tenth_below_the_live_one_but_no_text_more(
    texts: int, live_share: float
) -> None:
    live = figures(round(texts * live_share), texts=texts)
    lowest = live.fit - texts // 10
    assert RULES.faults(figures(lowest, texts=texts), live) == []
    assert RULES.faults(figures(lowest - 1, live.fit, texts=texts), live) == ["fit below live"]
    assert RULES.faults(figures(live.fit, lowest - 1, texts=texts), live) == ["rules below live"]
    assert RULES.faults(figures(lowest - 1, texts=texts), live) == ["fit below live", "rules below live"]


@pytest.mark.parametrize(
    ("live", "new", "faults"),
    [
        (0.70, 0.85, []),
        (0.70, 0.8501, ["loss above live"]),
        (0.10, 0.25, []),
        (1.05, 1.20, []),
        (3.0, 0.5, []),
        (0.7, None, []),
        (None, 9.0, []),
    ],
)
def test_the_loss_may_lie_so_many_nats_above_the_live_ones(
    live: float | None, new: float | None, faults: list[Fault]
) -> None:
    assert RULES.faults(figures(40, loss=new), figures(40, loss=live)) == faults


@pytest.mark.parametrize(
    ("live", "new", "faults"),
    [
        (-1.20, -1.30, []),
        (-1.20, -1.3001, ["best texts below live"]),
        (-1.20, -0.40, []),
        (-1.20, None, []),
        (None, -9.0, []),
    ],
)
def test_the_best_rated_texts_may_be_so_many_nats_less_likely_than_by_the_live_model(
    live: float | None, new: float | None, faults: list[Fault]
) -> None:
    before = figures(40).model_copy(update={"best_log_prob": live})
    assert RULES.faults(figures(40).model_copy(update={"best_log_prob": new}), before) == faults


@pytest.mark.parametrize("reference", ["other texts base", "texts other base"])
def test_losses_of_other_texts_or_another_base_are_not_compared(reference: str) -> None:
    assert RULES.faults(figures(40, loss=9.0, of=reference), figures(40, loss=0.5)) == []


def test_a_later_model_is_not_measured_by_the_first_ones_bound() -> None:
    """An operator let a bad one serve: what is as bad may challenge it."""
    assert RULES.faults(figures(4), figures(6)) == []


@pytest.mark.parametrize(
    ("new", "live", "better"),
    [
        (figures(40), figures(35), True),
        (figures(40), figures(36), False),
        (figures(40, loss=0.5), figures(40, loss=0.7), True),
        (figures(40, all_rules=20), figures(30, all_rules=30), False),  # better in one, worse in the other
        (figures(40), None, False),
    ],
)
def test_a_model_is_plainly_better_if_the_live_one_would_be_held_back_beside_it(
    new: ModelFigures, live: ModelFigures | None, better: bool
) -> None:
    assert RULES.plainly_better(new, live) is better
