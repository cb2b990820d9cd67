"""What a training changes: asked for, by default, and where the machine or the base is too small or large."""

from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from engine.errors import ApiError
from engine.jobs.weights_choice import WeightsChooser, WeightsSetting
from engine.storage.models import TunedModel
from engine.training_request import TrainedWeights
from tests.support.engine_jobs import messages_of, start
from tests.support.large_base import large_base
from tests.support.tiny_engine import TINY, Training

PLENTY = 2**40


def tuned(weights: TrainedWeights) -> TunedModel:
    return TunedModel(
        id="ft:tiny:heroes:1",
        base=TINY,
        job="ftjob-1",
        created=1,
        trained_tokens=1,
        hyperparameters={},
        valid_loss={},
        weights=weights,
    )


def chooser(
    base: Path, default: WeightsSetting = "auto", *, memory: int = PLENTY, disk: int = PLENTY
) -> WeightsChooser:
    return WeightsChooser(base, base.parent, default, free_memory=lambda: memory, free_disk=lambda _: disk)


@pytest.mark.parametrize(
    ("default", "wanted", "start", "expected"),
    [
        ("auto", "auto", None, "all"),
        ("auto", "auto", "adapter", "all"),
        ("auto", "auto", "all", "all"),
        ("auto", "adapter", "adapter", "adapter"),
        ("adapter", "auto", None, "adapter"),
        ("adapter", "all", None, "all"),
        ("all", "adapter", None, "adapter"),
    ],
)
async def test_asked_for_or_by_default(
    tiny_base: Path,
    default: WeightsSetting,
    wanted: WeightsSetting,
    start: TrainedWeights | None,
    expected: TrainedWeights,
) -> None:
    choice = await chooser(tiny_base, default).choose(wanted, start and tuned(start), 2)
    assert (choice.weights, choice.obstacle) == (expected, None)


@pytest.mark.parametrize(("default", "wanted"), [("auto", "adapter"), ("adapter", "auto")])
async def test_no_adapter_on_a_model_whose_weights_were_all_tuned(
    tiny_base: Path, default: WeightsSetting, wanted: WeightsSetting
) -> None:
    with pytest.raises(ApiError, match="an adapter of it would fit no base") as caught:
        await chooser(tiny_base, default).choose(wanted, tuned("all"), 2)
    assert (caught.value.status, caught.value.param) == (400, "model")


@pytest.mark.parametrize(
    ("free", "of", "figures"),
    [
        ({"memory": 2**29}, "memory", r"\d\.\d GiB of memory are needed, and 0\.5 are free"),
        ({"disk": 1000}, "disk", r"0\.0 GiB of disk are needed, and 0\.0 are free"),
    ],
)
async def test_too_small_a_machine_gets_an_adapter_and_the_figures(
    tiny_base: Path, free: Any, of: str, figures: str
) -> None:
    choice = await chooser(tiny_base, **free).choose("auto", None, 2)
    assert choice.weights == "adapter"
    assert choice.to_json()["obstacle"]["of"] == of
    with pytest.raises(ApiError, match=f"All weights cannot be trained: {figures}") as caught:
        await chooser(tiny_base, **free).choose("all", None, 2)
    assert caught.value.code == f"insufficient_{of}"
    with pytest.raises(ApiError, match=figures):  # an adapter would fit no base
        await chooser(tiny_base, **free).choose("auto", tuned("all"), 2)


@pytest.mark.parametrize(("parameters", "expected"), [(500_000_000, "all"), (500_000_001, "adapter")])
async def test_a_large_base_gets_an_adapter_unless_all_weights_are_asked_for(
    tmp_path: Path, parameters: int, expected: TrainedWeights
) -> None:
    large = chooser(large_base(tmp_path, parameters))
    choice = await large.choose("auto", None, 2)
    assert choice.weights == expected
    if expected == "adapter":
        assert "the base has 500 million weights" in str(choice)
    assert (await large.choose("all", None, 2)).weights == "all"


async def test_the_api_says_what_would_be_tuned(
    client: AsyncOpenAI, training: Training, adapter_training: Training
) -> None:
    async def ask(model: str, weights: str) -> Any:
        return await client.get(f"/models/{model}/tuning?weights={weights}", cast_to=object)

    for model in (TINY, training.model, adapter_training.model):
        assert await ask(model, "auto") == {"object": "model.tuning", "weights": "all", "obstacle": None}
    assert (await ask(TINY, "adapter"))["weights"] == "adapter"
    with pytest.raises(openai.BadRequestError, match="would fit no base"):
        await ask(training.model, "adapter")
    with pytest.raises(openai.BadRequestError, match="it must be auto or all or adapter"):
        await ask(TINY, "some")
    with pytest.raises(openai.NotFoundError):
        await ask("nobody", "auto")


async def test_a_job_says_what_it_tunes(training: Training, adapter_training: Training) -> None:
    for each, weights, event, words in (
        (training, "all", "All weights are trained", "all weights in "),
        (adapter_training, "adapter", "An adapter is trained", "an adapter in "),
    ):
        job: Any = each.job
        assert job.hyperparameters.weights == job.method.supervised.hyperparameters.weights == weights
        messages = await messages_of(each.engine, job.id)
        assert event in messages
        assert any(words in text for text in messages)


async def test_a_wrong_word_is_named(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await start(client, hyperparameters={"weights": "some"})
    assert caught.value.param == "hyperparameters.weights"
