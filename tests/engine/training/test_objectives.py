"""The losses of preferences against values computed by hand, and against TRL's formulas."""

import math
import random
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import pytest

from engine.tokens import Encoded

if TYPE_CHECKING:
    from engine.training.trainable_model import TrainableModel

pytestmark = pytest.mark.xdist_group("torch")  # one process of the tests loads it, when the first test runs


class ScriptedModel:
    """Gives each text the log-probability that a test has set for its ids; others get that of `unknown`."""

    def __init__(self, unknown: float = -1.0) -> None:
        self.values: dict[tuple[int, ...], Any] = {}
        self.unknown = unknown

    def set(self, text: Encoded, value: float) -> Any:
        """Set a text's log-probability, and return it as a tensor that has a gradient."""
        import torch

        self.values[tuple(text.ids)] = torch.tensor(value, requires_grad=True)
        return self.values[tuple(text.ids)]

    def log_probs(self, texts: Sequence[Encoded]) -> Any:
        import torch

        unknown = torch.tensor(self.unknown)
        return torch.stack([self.values.get(tuple(text.ids), unknown) for text in texts])


def as_model(scripted: ScriptedModel) -> "TrainableModel":
    return cast("TrainableModel", scripted)


def text(prompt: int, *answer: int, wanted: bool = True) -> Encoded:
    """Return a prompt of three ids, and an answer that is learned."""
    return Encoded([prompt] * 3 + [*answer], [(3, 3 + len(answer))], wanted)


def sigmoid(value: float) -> float:
    return 1 / (1 + math.exp(-value))


GOOD, BAD = text(1, 10, 11, 12, 13), text(1, 20, 21)


def _pair_objective(before: tuple[float, float], **options: Any) -> tuple[ScriptedModel, Any, list[Any]]:
    from engine.training.objectives import PreferenceObjective

    model = ScriptedModel()
    model.set(GOOD, before[0])
    model.set(BAD, before[1])
    objective = PreferenceObjective(as_model(model), 0.2, **options)
    return model, objective, objective.prepare([[GOOD, BAD]])


def test_a_pair_costs_its_preference_and_the_loss_of_the_better_text_a_token() -> None:
    """0.2 x ((-6 + 9) - (-8 + 7)) = 0.8; the better text has 4 learned tokens and a loss of 6 nats."""
    model, objective, pairs = _pair_objective((-8.0, -7.0), supervised_weight=0.5)
    model.set(GOOD, -6.0)
    model.set(BAD, -9.0)
    assert objective.loss(pairs).item() == pytest.approx(-math.log(sigmoid(0.8)) + 0.5 * 6.0 / 4)
    assert objective.weight(pairs) == 1


def test_without_that_weight_it_is_plain_dpo() -> None:
    model, objective, pairs = _pair_objective((-8.0, -7.0))
    assert objective.loss(pairs).item() == pytest.approx(math.log(2))
    model.set(GOOD, -6.0)
    assert objective.loss(pairs).item() == pytest.approx(-math.log(sigmoid(0.4)))


def test_the_supervised_term_pulls_the_better_text_up_where_dpo_is_satisfied() -> None:
    """Plain DPO hardly moves a pair that is far apart, though both texts have become less likely."""
    gradients = []
    for weight in (0.0, 1.0):
        model, objective, pairs = _pair_objective((-8.0, -7.0), supervised_weight=weight)
        better, worse = model.set(GOOD, -12.0), model.set(BAD, -60.0)
        objective.loss(pairs).backward()
        gradients.append((better.grad.item(), worse.grad.item()))
    (plain, plain_worse), (both, both_worse) = gradients
    assert -1e-3 < plain < 0  # downhill the better text becomes likelier
    assert both == pytest.approx(plain - 1 / 4)
    assert both_worse == plain_worse > 0


def _judged_objective(
    texts: Sequence[Encoded], model: ScriptedModel, **options: Any
) -> tuple[Any, list[Any]]:
    from engine.training.objectives import KtoObjective

    objective = KtoObjective(as_model(model), 0.1, **({"max_length": 100} | options))
    return objective, objective.prepare([[each] for each in texts])


def test_a_lone_text_costs_what_its_gain_is_worth() -> None:
    """The mismatched texts have become 2 and 4 nats likelier, so the model has moved by 3.

    The wanted text has gained 5, so its value is sigmoid(0.1 x (5 - 3)); the other one has lost 7, so its
    value is sigmoid(0.1 x (3 + 7)).
    """
    wanted, unwanted = text(1, 10, 11), text(2, 20, wanted=False)
    model = ScriptedModel()
    model.set(wanted, -20.0)
    model.set(unwanted, -10.0)
    objective, [one, other] = _judged_objective(
        [wanted, unwanted], model, desirable_weight=2.0, undesirable_weight=0.5
    )
    assert [one.mismatched.ids, other.mismatched.ids] == [[1, 1, 1, 20], [2, 2, 2, 10, 11]]
    assert [one.mismatched.learned, other.mismatched.learned] == [[(3, 4)], [(3, 5)]]
    model.set(one.mismatched, 1.0)
    model.set(other.mismatched, 3.0)
    up, down = model.set(wanted, -15.0), model.set(unwanted, -17.0)
    objective.begin([one, other])
    loss = objective.loss([one, other])
    expected = 2.0 * (1 - sigmoid(0.1 * (5 - 3))) + 0.5 * (1 - sigmoid(0.1 * (3 + 7)))
    assert loss.item() == pytest.approx(expected)
    assert objective.weight([one, other]) == 2
    loss.backward()
    assert up.grad.item() < 0  # downhill the wanted text becomes likelier, and the other one less likely
    assert down.grad.item() > 0


def test_a_model_that_has_moved_away_from_mismatched_texts_counts_as_unmoved() -> None:
    wanted, unwanted = text(1, 10), text(2, 20, wanted=False)
    model = ScriptedModel(unknown=-1.0)
    objective, judged = _judged_objective([wanted, unwanted], model)
    model.unknown = -50.0
    model.set(wanted, -1.0)
    model.set(unwanted, -1.0)
    objective.begin(judged)
    assert objective.loss(judged).item() == pytest.approx(1.0)  # 1 - sigmoid(0) each


def test_losses_are_those_of_trl() -> None:
    """Its KTOTrainer.kto_loss, and its DPOTrainer with rpo_alpha, of which ours takes the mean per text."""
    import torch
    from torch.nn.functional import logsigmoid

    draw = random.Random(5)  # noqa: S311  values, not secrets
    texts = [text(number, 100 + number, 200 + number, wanted=number % 3 > 0) for number in range(9)]
    model = ScriptedModel()
    for each in texts:
        model.set(each, draw.uniform(-30, -20))
    objective, judged = _judged_objective(texts, model, desirable_weight=1.3, undesirable_weight=0.7)
    before = torch.tensor([each.reference for each in judged])
    after = torch.stack([model.set(each, draw.uniform(-30, -20)) for each in texts])
    kl_before = torch.tensor([each.mismatched_reference for each in judged])
    kl_after = torch.stack([model.set(each.mismatched, draw.uniform(-2, 3)) for each in judged])
    objective.begin(judged)

    kl = (kl_after - kl_before).mean().detach().clamp(min=0)
    ratios, chosen = after - before, torch.tensor([each.is_wanted for each in texts])
    chosen_losses = 1 - torch.sigmoid(0.1 * (ratios[chosen] - kl))
    rejected_losses = 1 - torch.sigmoid(0.1 * (kl - ratios[~chosen]))
    theirs = torch.cat([1.3 * chosen_losses, 0.7 * rejected_losses]).nanmean()
    assert kl > 0
    assert (objective.loss(judged) / objective.weight(judged)).item() == pytest.approx(theirs.item())

    model, pairs_objective, pairs = _pair_objective((-8.0, -7.0), supervised_weight=0.3)
    logits = torch.tensor((-5.0 + 9.5) - (-8.0 + 7.0))
    model.set(GOOD, -5.0)
    model.set(BAD, -9.5)
    rpo = -logsigmoid(0.2 * logits) + 0.3 * 5.0 / 4
    assert pairs_objective.loss(pairs).item() == pytest.approx(rpo.item())


def test_mismatched_answers_come_from_other_prompts_and_fit() -> None:
    texts = [text(1, 10), text(1, 11), text(2, *range(20, 30)), text(3, 30)]
    _, judged = _judged_objective(texts, ScriptedModel(), max_length=6)
    assert [each.mismatched.ids for each in judged] == [
        [1, 1, 1, 20, 21, 22],
        [1, 1, 1, 20, 21, 22],
        [2, 2, 2, 30],
        [3, 3, 3, 10],
    ]
    assert judged[0].mismatched.learned == [(3, 6)]
    assert judged[2].mismatched.learned == [(3, 4)]


@pytest.mark.parametrize(("number", "partner"), [(1, 10), (3, 11)])
def test_texts_of_one_prompt_are_each_others_mismatch(number: int, partner: int) -> None:
    texts = [text(1, 10 + index) for index in range(number)]
    _, judged = _judged_objective(texts, ScriptedModel())
    assert judged[0].mismatched.ids == [1, 1, 1, partner]
