"""Tuning on texts that are wanted or not (KTO), and errors in its training files."""

import json
import re
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from tests.engine.training.test_preference import log_prob_of_flying
from tests.support.engine_jobs import messages_of, start, until_step, upload
from tests.support.engine_process import EngineProcess, example
from tests.support.tiny_engine import Training


def judged(number: int, *, label: bool) -> dict[str, Any]:
    """Return a text that flies, or one that walks, with a label."""
    answer = f"She is {number} years old and she can "
    return {
        "messages": [
            {"role": "user", "content": f"{number}, woman, flight ->"},
            {"role": "assistant", "content": answer + ("fly over the city." if number % 2 else "walk.")},
        ],
        "label": label,
    }


def kto(**numbers: Any) -> Any:
    return {"type": "kto", "kto": {"hyperparameters": numbers}}


async def of_kind(client: AsyncOpenAI, numbers: Any, *, flying: bool) -> str:
    """Upload texts, half of which fly, with labels that want those that do or those that do not."""
    return await upload(client, [judged(each, label=(each % 2 == 1) == flying) for each in numbers])


@pytest.mark.parametrize(
    ("before", "numbers"),
    [
        ("training", {"weights": "all", "learning_rate_multiplier": 100.0}),
        ("adapter_training", {"weights": "adapter", "learning_rate_multiplier": 20.0}),
    ],
)
async def test_it_learns_what_is_wanted(
    request: pytest.FixtureRequest, before: str, numbers: dict[str, Any]
) -> None:
    """From the tuned model on, the held-out loss falls from 1 - sigmoid(0), that of an unmoved model."""
    training: Training = request.getfixturevalue(before)
    engine = training.engine
    client = engine.client()
    job = await start(
        client,
        model=training.model,
        training_file=await of_kind(client, range(20, 44), flying=True),
        validation_file=await of_kind(client, range(60, 66), flying=True),
        method=kto(n_epochs=4, beta=0.2, **numbers),
        hyperparameters=openai.omit,
        seed=7,
    )
    done = await engine.until(job.id, {"succeeded"})
    method = done.method.to_dict()
    assert method["type"] == "kto"
    used = method["kto"]["hyperparameters"]
    assert used["desirable_weight"] == used["undesirable_weight"] == 1.0
    assert (used["beta"], used["batch_size"]) == (0.2, 8)
    assert "beta" not in done.hyperparameters.to_dict()
    events: list[Any] = [event.data async for event in client.fine_tuning.jobs.list_events(job.id)]
    valid = {data["step"]: data["full_valid_loss"] for data in events if data and "full_valid_loss" in data}
    assert valid[0] == pytest.approx(0.5, abs=0.01)
    assert valid[12] < 0.45


@pytest.mark.parametrize("flying", [True, False])
async def test_wanted_texts_become_likelier_than_unwanted_ones(training: Training, flying: bool) -> None:
    """With the labels exchanged it is the other way round."""
    engine = training.engine
    client = engine.client()
    job = await start(
        client,
        model=training.model,
        training_file=await of_kind(client, range(20, 44), flying=flying),
        method=kto(n_epochs=4, beta=0.2, learning_rate_multiplier=100.0),
        hyperparameters=openai.omit,
        seed=7,
    )
    done = await engine.until(job.id, {"succeeded"})
    after, before = [
        await log_prob_of_flying(engine, model) for model in (done.fine_tuned_model, training.model)
    ]
    if flying:
        assert after > before - 0.05
    else:
        assert after < before - 0.3


async def test_the_rarer_label_counts_more(engine: EngineProcess) -> None:
    """Of 12 texts 3 are unwanted: each of them counts three times."""
    client = engine.client()
    texts = [judged(number, label=number >= 23) for number in range(20, 32)]
    job = await start(
        client, training_file=await upload(client, texts), method=kto(n_epochs=1), hyperparameters=openai.omit
    )
    done = await engine.until(job.id, {"succeeded"})
    used = done.method.to_dict()["kto"]["hyperparameters"]
    assert (used["desirable_weight"], used["undesirable_weight"]) == (1.0, 3.0)


async def test_a_paused_training_goes_on_with_the_references_of_its_start(training: Training) -> None:
    engine = training.engine
    client = engine.client()
    options = {
        "model": training.model,
        "training_file": await of_kind(client, range(20, 44), flying=False),
        "validation_file": await of_kind(client, range(60, 66), flying=False),
        "method": kto(n_epochs=3, learning_rate_multiplier=100.0),
        "hyperparameters": openai.omit,
        "seed": 7,
    }
    losses = []
    for is_paused in (False, True):
        job = await start(client, **options)
        if is_paused:
            await until_step(engine, job.id, 1)
            await client.fine_tuning.jobs.pause(job.id)
            await engine.until(job.id, {"paused"})
            await client.fine_tuning.jobs.resume(job.id)
        done = await engine.until(job.id, {"succeeded"})
        messages = await messages_of(engine, job.id)
        assert any(each.startswith("Resuming after step") for each in messages) == is_paused
        events: list[Any] = [
            event.data async for event in client.fine_tuning.jobs.list_events(done.id, limit=100)
        ]
        losses.append(
            {each["step"]: each["full_valid_loss"] for each in events if each and "full_valid_loss" in each}
        )
        checkpoints = (await client.fine_tuning.jobs.checkpoints.list(job.id)).data
        assert [each.step_number for each in checkpoints] == [9, 6, 3]
    uninterrupted, resumed = losses
    assert resumed == {step: pytest.approx(loss, rel=1e-2) for step, loss in uninterrupted.items()}


_TALK = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "40, woman, flight ->"},
    {"role": "assistant", "content": "She flies."},
    {"role": "user", "content": "And then?"},
    {"role": "assistant", "content": "She lands."},
]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (example(40), "it has no label, and 'kto' needs one"),
        ({"messages": _TALK, "label": 1}, "label: input should be a valid boolean"),
        ({"messages": _TALK, "label": "true"}, "label: input should be a valid boolean"),
        ({"messages": _TALK[:4], "label": True}, "the last message must be the assistant's"),
        ({"messages": _TALK[2:3], "label": True}, "the assistant's message answers nothing"),
        (
            {"messages": [_TALK[1], {"role": "assistant", "content": " "}], "label": True},
            r"messages\[1\].content: the assistant says nothing",
        ),
        ({"messages": [], "label": True}, "messages: list should have at least 1 item"),
        ({"messages": _TALK, "label": True, "score": 2}, "score: extra inputs"),
        (
            {
                "input": {"messages": _TALK[1:2]},
                "preferred_output": _TALK[2:3],
                "non_preferred_output": _TALK[4:],
            },
            "this is a pair for the method 'dpo', and the job's is 'kto'",
        ),
    ],
)
async def test_errors_name_their_line(engine: EngineProcess, line: Any, fault: str) -> None:
    client = engine.client()
    texts = [{"messages": _TALK, "label": number > 5} for number in range(12)]
    file = await upload(client, [*texts, line])
    job = await start(client, training_file=file, method=kto(), hyperparameters=openai.omit)
    job = await engine.until(job.id, {"failed"})
    assert re.search(f"line 13: .*{fault}", job.error.message)


@pytest.mark.parametrize(("label", "fault"), [(True, "all its labels are true"), (False, "are false")])
async def test_labels_of_one_kind_are_refused(engine: EngineProcess, label: bool, fault: str) -> None:
    client = engine.client()
    file = await upload(client, [judged(number, label=label) for number in range(20, 32)])
    job = await start(client, training_file=file, method=kto(), hyperparameters=openai.omit)
    job = await engine.until(job.id, {"failed"})
    assert fault in job.error.message


async def test_a_judged_text_is_no_conversation_to_learn(engine: EngineProcess) -> None:
    client = engine.client()
    file = await upload(client, [judged(number, label=True) for number in range(20, 32)])
    job = await engine.until((await start(client, training_file=file)).id, {"failed"})
    fault = "line 1: this is a conversation with a label for the method 'kto', and the job's is 'supervised'"
    assert fault in job.error.message


@pytest.mark.parametrize(
    ("method", "fault"),
    [
        (kto(beta=3), "beta"),
        (kto(desirable_weight=0), "desirable_weight"),
        (kto(undesirable_weight=101), "undesirable_weight"),
        (kto(supervised_weight=1), "supervised_weight"),
        ({"type": "kto", "dpo": {}}, "the type is 'kto'"),
        ({"type": "dpo", "dpo": {"hyperparameters": {"supervised_weight": -1}}}, "supervised_weight"),
    ],
)
async def test_numbers_out_of_range_are_refused(engine: EngineProcess, method: Any, fault: str) -> None:
    with pytest.raises(openai.BadRequestError, match=fault):
        await start(engine.client(), method=method, hyperparameters=openai.omit)


async def test_its_tokens_are_counted(engine: EngineProcess) -> None:
    body = {"examples": [judged(21, label=True), judged(22, label=False)]}
    for method in ({}, {"method": "kto"}):
        counted: Any = await engine.client().post(
            "/fine_tuning/token_counts", body=body | method, cast_to=object
        )
        assert counted["errors"] == [None, None], json.dumps(counted)
        assert all(tokens > 50 for tokens in counted["tokens"])
