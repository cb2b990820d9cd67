"""What a training says before it begins, and a check at its end."""

from typing import Any

import pytest

from bot.i18n.message import ENGLISH
from bot.llm.prices import Price
from bot.presentation.finetune import check_result_text, finetune_plan_text
from bot.registry.lifecycle import CandidateStage
from bot.store.datasets import Dataset
from bot.store.job_schema import FinetuneSpec, Method, Verdict
from bot.store.models import Model
from bot.tuning.estimate import DATASET_KINDS, CheckEstimate, TuningEstimate
from bot.tuning.providers import ENGINE


def planned(method: Method, **others: Any) -> TuningEstimate:
    figures: dict[str, Any] = {
        "spec": FinetuneSpec(dataset=3, base="tiny", method=method),
        "tuned_from": None,
        "dataset": Dataset(
            3, DATASET_KINDS[method], "", {}, {"train": 43, "valid": 5}, rebuild=False, created_at=0.0
        ),
        "provider": ENGINE,
        "epochs": 2,
        "tokens": 1000,
        "price": Price(input=0, output=0, training=0, source="this machine"),
        "cost": 0.0,
        "check": CheckEstimate(),
        "seconds": 837.0,
        "measured": True,
        "weights": None,
        "serves_adapters": False,
        "retires_on": None,
        "listed": True,
        "trained_before": None,
    }
    figures["largest"] = figures["dataset"]
    return TuningEstimate(**figures | others)


@pytest.mark.parametrize(("method", "what"), [("supervised", "texts"), ("dpo", "pairs")])
def test_the_plan_calls_pairs_pairs(method: Method, what: str) -> None:
    text = finetune_plan_text(ENGLISH, planned(method), None)
    assert f"43 {what} to learn from, 5 kept aside to test the model." in text
    assert "Time: about 14 min, as fast as the last one, from its beginning." in text


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1 text, which is checked"), (40, "40 texts, which are checked")]
)
def test_the_plan_says_how_many_texts_are_checked(number: int, said: str) -> None:
    assert said in finetune_plan_text(ENGLISH, planned("supervised", check=CheckEstimate(number)), None)


def dataset_of(version: int, train: int, valid: int) -> Dataset:
    return Dataset(version, "sft", "", {}, {"train": train, "valid": valid}, rebuild=False, created_at=0.0)


def test_the_plan_warns_of_few_texts_and_names_a_larger_dataset() -> None:
    few, larger = dataset_of(2, 27, 3), dataset_of(1, 379, 45)
    warning = "⚠️ Fewer than 100 texts teach little."
    told = finetune_plan_text(ENGLISH, planned("supervised", dataset=few, largest=larger), None)
    assert f"{warning} Dataset v1 has 379 to learn from: `/finetune dataset:1`." in told
    alone = finetune_plan_text(ENGLISH, planned("supervised", dataset=few, largest=few), None)
    assert f"{warning} `/build-dataset source:shipped` makes a dataset" in alone
    enough = finetune_plan_text(ENGLISH, planned("supervised", dataset=larger, largest=larger), None)
    just_enough = dataset_of(2, 90, 10)
    edge = finetune_plan_text(ENGLISH, planned("supervised", dataset=just_enough, largest=larger), None)
    assert warning not in enough + edge + finetune_plan_text(ENGLISH, planned("dpo"), None)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("waiting", "Next, people decide: "),
        ("undecided", "Votes could not decide between it and model 1."),
        ("won", "Model 2 has won its duels with model 1, and still passes its check."),
    ],
)
def test_a_check_of_a_candidate_says_who_decides(stage: CandidateStage, said: str) -> None:
    verdict = Verdict(live_id=1)
    model = Model(2, "ft:tiny:2", "tiny", 1, 2, "candidate", {}, verdict, "ft:tiny:2", None, None, 0.0)
    text = check_result_text(ENGLISH, model, stage, 0)
    assert said in text
    assert ("You decide: `/models promote model:2`" in text) is (stage != "waiting")
    assert ("people decide" in text) is (stage == "waiting")
