"""Preference tuning (DPO), and errors in its training files."""

import re
from typing import Any

import openai
import pytest

from tests.support.engine_jobs import start, upload
from tests.support.engine_process import EngineProcess, example
from tests.support.tiny_engine import Training


def pair(number: int) -> dict[str, Any]:
    """Return a pair that prefers flying to walking."""
    answer = f"She is {number} years old and she can "
    return {
        "input": {"messages": [{"role": "user", "content": f"{number}, woman, flight ->"}]},
        "preferred_output": [{"role": "assistant", "content": answer + "fly over the city."}],
        "non_preferred_output": [{"role": "assistant", "content": answer + "walk."}],
    }


def dpo(**numbers: Any) -> Any:
    return {"type": "dpo", "dpo": {"hyperparameters": numbers}}


@pytest.mark.parametrize(
    ("before", "numbers"),
    [
        ("training", {"weights": "all", "learning_rate_multiplier": 100.0}),
        ("adapter_training", {"weights": "adapter", "learning_rate_multiplier": 20.0}),
    ],
)
async def test_it_learns_what_is_preferred(
    request: pytest.FixtureRequest, before: str, numbers: dict[str, Any]
) -> None:
    """Starting from the tuned model, the loss of held-out pairs falls from log 2 (no preference)."""
    training: Training = request.getfixturevalue(before)
    asked = {"n_epochs": 4, "beta": 0.2} | numbers
    engine = training.engine
    client = engine.client()
    job = await start(
        client,
        model=training.model,
        training_file=await upload(client, map(pair, range(20, 44))),
        validation_file=await upload(client, map(pair, range(60, 66))),
        method=dpo(**asked),
        hyperparameters=openai.omit,
    )
    done = await engine.until(job.id, {"succeeded"})
    assert done.method.dpo.hyperparameters.model_dump() == asked | {"batch_size": 8}
    metrics: list[Any] = [event.data async for event in client.fine_tuning.jobs.list_events(job.id)]
    valid = {data["step"]: data["full_valid_loss"] for data in metrics if data and "full_valid_loss" in data}
    assert valid[0] == pytest.approx(0.6931, abs=0.002)
    assert valid[12] < 0.5
    answers = [
        await client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "63, woman, flight ->"}],
            temperature=0,
            max_tokens=40,
        )
        for model in (done.fine_tuned_model, await tune_on_reversed_pairs(training, asked))
    ]
    preferred, reversed_ = [answer.choices[0].message.content or "" for answer in answers]
    assert "fly" in preferred
    assert "fly" not in reversed_


async def tune_on_reversed_pairs(training: Training, numbers: dict[str, Any]) -> str:
    """Tune with the outputs of each pair exchanged; return the model's name."""
    pairs = [
        pair(number)
        | {
            "preferred_output": pair(number)["non_preferred_output"],
            "non_preferred_output": pair(number)["preferred_output"],
        }
        for number in range(20, 44)
    ]
    client = training.engine.client()
    job = await start(
        client,
        model=training.model,
        training_file=await upload(client, pairs),
        method=dpo(**numbers),
        hyperparameters=openai.omit,
    )
    name = (await training.engine.until(job.id, {"succeeded"})).fine_tuned_model
    assert isinstance(name, str)
    return name


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"method": dpo(), "hyperparameters": openai.omit}, "line 1: this is a conversation for the method"),
        ({"training_file": map(pair, range(20, 32))}, "line 1: this is a pair for the method 'dpo'"),
    ],
)
async def test_the_wrong_method_for_the_file(engine: EngineProcess, options: Any, fault: str) -> None:
    client = engine.client()
    options = dict(options)
    if "training_file" in options:
        options["training_file"] = await upload(client, options["training_file"])
    job = await engine.until((await start(client, **options)).id, {"failed"})
    assert job.error.param == "training_file"
    assert fault in job.error.message


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"preferred_output": []}, "preferred_output: list should have at least 1 item"),
        ({"non_preferred_output": [{"role": "user", "content": "x"}]}, r"non_preferred_output\[0\].role"),
        ({"preferred_output": [{"role": "assistant", "content": " "}]}, "the assistant says nothing"),
        ({"preferred_output": pair(30)["non_preferred_output"]}, "both outputs are the same"),
        ({"input": {"messages": []}}, "input.messages: list should have at least 1 item"),
        ({"input": {"messages": pair(1)["preferred_output"]}}, "must not be the assistant's"),
        ({"margin": 1}, "margin: extra inputs"),
    ],
)
async def test_errors_in_a_pair_name_their_line(engine: EngineProcess, change: Any, fault: str) -> None:
    client = engine.client()
    file = await upload(client, [*map(pair, range(20, 32)), pair(30) | change])
    job = await start(client, training_file=file, method=dpo(), hyperparameters=openai.omit)
    job = await engine.until(job.id, {"failed"})
    assert re.search(f"line 13: .*{fault}", job.error.message)


async def test_examples_longer_than_the_context_name_their_line(engine: EngineProcess) -> None:
    client = engine.client()
    too_long = example(40)
    too_long["messages"][1]["content"] = "word " * 1200
    file = await upload(client, [*map(example, range(20, 32)), too_long])
    job = await engine.until((await start(client, training_file=file)).id, {"failed"})
    assert "line 13: the example has " in job.error.message
    assert "the model reads 1024" in job.error.message
