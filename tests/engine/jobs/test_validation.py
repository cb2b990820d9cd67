"""The files of a job, from their upload to its training: what is taken, and what vanishes meanwhile."""

import json
from pathlib import Path
from typing import Any

import openai
import pytest

from tests.support.engine_jobs import messages_of, start, upload
from tests.support.engine_process import EngineProcess, example

_GREETING = {"role": "assistant", "content": "Hello, who is it?"}
_DEVELOPER = {"role": "developer", "content": "Be brief."}


def _conversation(number: int, *before: Any) -> Any:
    """Return an example with more messages before it, and the empty fields of OpenAI's answers."""
    user, answer = example(number)["messages"]
    return {"messages": [*before, user, {**answer, "refusal": None, "annotations": [], "tool_calls": None}]}


async def test_a_file_as_other_programs_write_it_is_trained_on(engine: EngineProcess) -> None:
    """A byte order mark, CRs, greetings, developers, null fields."""
    lines = [_conversation(20 + number) for number in range(10)]
    lines += [_conversation(30, _GREETING), _conversation(31, _DEVELOPER)]
    content = "\ufeff" + "\r".join(json.dumps(line) for line in lines)
    client = engine.client()
    file = await client.files.create(file=("examples.jsonl", content.encode()), purpose="fine-tune")
    job = await start(client, training_file=file.id, hyperparameters={"n_epochs": 1})
    await engine.until(job.id, {"succeeded"})
    assert any(text.startswith("Training on 12 examples") for text in await messages_of(engine, job.id))
    assert not list((engine.data / "jobs" / job.id).glob("*.tokens.jsonl"))


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
@pytest.mark.parametrize("accident", ["content", "folder"])
async def test_a_file_that_vanishes_is_named(engine: EngineProcess, param: str, accident: str) -> None:
    client = engine.client()
    file = await upload(client)
    content = engine.data / "files" / file / "content"
    content.unlink()
    if accident == "folder":  # in the place of the file
        content.mkdir()
    job = await start(client, **{param: file})
    job = await engine.until(job.id, {"failed"})
    assert (job.error.code, job.error.param) == (f"invalid_{param}", param)
    assert f"The {param.replace('_', ' ')} cannot be used: it " in job.error.message
    assert str(engine.data) not in job.error.message


async def test_a_file_deleted_while_its_job_waits_for_its_validation(engine: EngineProcess) -> None:
    client = engine.client()
    first = await start(client, training_file=await upload(client, map(example, [40] * 150)))
    file = await upload(client)
    second = await start(client, training_file=file)
    await client.files.delete(file)
    failed = await engine.until(second.id, {"failed"})
    assert file in failed.error.message
    assert str(engine.data) not in failed.error.message
    await client.fine_tuning.jobs.cancel(first.id)


async def test_a_job_of_a_former_version_is_encoded_when_it_starts(tiny_base: Path, tmp_path: Path) -> None:
    """Its folder has no token ids."""
    with EngineProcess(tmp_path, tiny_base) as engine:
        client = engine.client()
        first, second = await start(client), await start(client)
        await engine.until(second.id, {"queued"})
        engine.stop()
        (tmp_path / "jobs" / second.id / "training_file.tokens.jsonl").unlink()
        engine.start()
        client = engine.client()
        await client.fine_tuning.jobs.cancel(first.id)
        await engine.until(second.id, {"running"})
        assert (tmp_path / "jobs" / second.id / "training_file.tokens.jsonl").is_file()
        await client.fine_tuning.jobs.cancel(second.id)


async def test_tokens_are_counted_as_a_job_counts_them(engine: EngineProcess) -> None:
    client = engine.client()
    long = {
        "messages": [
            {"role": "user", "content": "Go on."},
            {"role": "assistant", "content": "a word or two " * 400},
        ]
    }
    pair = {
        "input": {"messages": [{"role": "user", "content": "Go on."}]},
        "preferred_output": [long["messages"][1]],
        "non_preferred_output": [{"role": "assistant", "content": "No."}],
    }
    lines = [*map(example, range(20, 32)), long]
    counted: Any = await client.post(
        "/fine_tuning/token_counts", body={"examples": [*lines, pair]}, cast_to=object
    )
    assert counted["max_tokens"] == 1024
    assert [tokens > 1024 for tokens in counted["tokens"]] == [False] * 12 + [True] * 2
    job = await start(client, training_file=await upload(client, lines))
    job = await engine.until(job.id, {"failed"})
    assert f"line 13: the example has {counted['tokens'][12]} tokens, and the model reads 1024" in str(
        job.error
    )


async def test_examples_that_a_job_would_refuse_are_counted_with_the_reason(engine: EngineProcess) -> None:
    question, answer = {"role": "user", "content": "Go on."}, {"role": "assistant", "content": "No."}
    pair = {
        "input": {"messages": [question]},
        "preferred_output": [answer],
        "non_preferred_output": [answer],
    }
    unknown_role = {"messages": [{"role": "bot", "content": "Hello."}, answer]}
    examples = [example(20), {"messages": [question]}, unknown_role, {"prompt": "a"}, pair]

    async def errors(**options: str) -> list[str | None]:
        body = {"examples": examples, **options}
        counted: Any = await engine.client().post("/fine_tuning/token_counts", body=body, cast_to=object)
        assert [tokens is None for tokens in counted["tokens"]] == [
            error is not None for error in counted["errors"]
        ]
        return list(counted["errors"])

    valid, question_alone, role, other, same = await errors()
    assert valid is None
    assert question_alone == "the last message must be the assistant's"
    assert role is not None
    assert role.startswith("messages[0].role: ")
    assert other is not None
    assert other.startswith("messages: ")
    assert same == "both outputs are the same: there is nothing to prefer"
    of_a_job = await errors(method="supervised")
    assert of_a_job[0] is None
    assert "a pair for the method 'dpo'" in str(of_a_job[-1])


async def test_what_is_no_example_cannot_be_counted(engine: EngineProcess) -> None:
    with pytest.raises(openai.BadRequestError, match="examples"):
        await engine.client().post("/fine_tuning/token_counts", body={"examples": ["a"]}, cast_to=object)
