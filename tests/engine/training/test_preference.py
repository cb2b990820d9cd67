"""Preference tuning (DPO), and errors in its training files."""

import math
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
    """Starting from the tuned model, the loss of held-out pairs falls from log 2 (no preference).

    A reference file is measured on its conversations, not as pairs: here on those that the tuned model was.
    """
    training: Training = request.getfixturevalue(before)
    asked = {"n_epochs": 4, "beta": 0.2, "supervised_weight": 0.0} | numbers
    engine = training.engine
    client = engine.client()
    job = await start(
        client,
        model=training.model,
        training_file=await upload(client, map(pair, range(20, 44))),
        validation_file=await upload(client, map(pair, range(60, 66))),
        method=dpo(**asked),
        hyperparameters=openai.omit,
        extra_body={"reference_file": await upload(client, map(example, range(60, 66)))},
    )
    done = await engine.until(job.id, {"succeeded"})
    adapter = {"lora_rank": 16, "lora_rs": False} if numbers["weights"] == "adapter" else {}
    assert done.method.dpo.hyperparameters.model_dump() == asked | {"batch_size": 8} | adapter
    metrics: list[Any] = [event.data async for event in client.fine_tuning.jobs.list_events(job.id)]
    valid = {data["step"]: data["full_valid_loss"] for data in metrics if data and "full_valid_loss" in data}
    assert valid[0] == pytest.approx(0.6931, abs=0.002)
    assert valid[12] < 0.5
    before_pairs = (await client.fine_tuning.jobs.checkpoints.list(training.job.id)).data[0].metrics
    assert done.model_extra["reference_loss"]["before"] == pytest.approx(
        before_pairs.full_valid_loss,
        abs=0.05,  # a GGUF file has 8 bits a weight
    )


async def test_the_loss_of_the_preferred_text_is_part_of_it(training: Training) -> None:
    """Before the training it is log 2 and, once by default, the tuned model's loss on such texts."""
    engine = training.engine
    client = engine.client()
    files = {
        "training_file": await upload(client, map(pair, range(20, 32))),
        "validation_file": await upload(client, map(pair, range(60, 66))),
    }
    first = []
    for numbers in ({}, {"supervised_weight": 0.0}, {"supervised_weight": 3.0}):
        job = await start(
            client,
            model=training.model,
            method=dpo(n_epochs=1, **numbers),
            hyperparameters=openai.omit,
            **files,
        )
        done = await engine.until(job.id, {"succeeded"})
        used = done.method.dpo.hyperparameters.to_dict()["supervised_weight"]
        assert used == numbers.get("supervised_weight", 1.0)
        events: list[Any] = [event.data async for event in client.fine_tuning.jobs.list_events(job.id)]
        [loss] = [each["full_valid_loss"] for each in events if each and each.get("step") == 0]
        first.append(loss)
    default, plain, thrice = first
    assert plain == pytest.approx(math.log(2), abs=0.002)
    assert default > plain + 0.1
    assert thrice - plain == pytest.approx(3 * (default - plain), rel=0.01)


async def test_what_is_not_preferred_becomes_less_likely(training: Training) -> None:
    """The pairs are exchanged: a loss alone would fall in either direction."""
    engine = training.engine
    client = engine.client()
    pairs = [
        each
        | {
            "preferred_output": each["non_preferred_output"],
            "non_preferred_output": each["preferred_output"],
        }
        for each in map(pair, range(20, 44))
    ]
    job = await start(
        client,
        model=training.model,
        training_file=await upload(client, pairs),
        method=dpo(n_epochs=4, beta=0.2, learning_rate_multiplier=100.0, supervised_weight=0.0),
        hyperparameters=openai.omit,
        seed=7,
    )
    done = await engine.until(job.id, {"succeeded"})
    after, before = [
        await log_prob_of_flying(engine, model) for model in (done.fine_tuned_model, training.model)
    ]
    assert math.isfinite(before)
    assert after < before - 0.5


async def log_prob_of_flying(engine: EngineProcess, model: str) -> float:
    """Return the log-probability (nats) that a served model goes on with "fly" where the pairs differ."""
    answer = await engine.client().chat.completions.create(
        model=model,
        messages=[
            {"role": "user", "content": "63, woman, flight ->"},
            {"role": "assistant", "content": "She is 63 years old and she can"},
        ],
        temperature=0,
        max_tokens=1,
        logprobs=True,
        top_logprobs=20,
    )
    logprobs = answer.choices[0].logprobs
    assert logprobs is not None
    assert logprobs.content is not None
    following = {other.token: other.logprob for other in logprobs.content[0].top_logprobs}
    return following.get(" f", -math.inf)  # the tiny vocabulary has no token "fly"


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
