"""What the engine makes of batches that a crash interrupted, each at another moment."""

import json
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types import Batch

from tests.support.engine_batches import CHAT, line, results, until_final
from tests.support.engine_process import EngineProcess, jsonl

pytestmark = pytest.mark.xdist_group("crashed")  # one process, so that there is one crash

LINES = [line(f"hero-{number}", max_tokens=60, seed=number) for number in range(40)]
LINES.insert(1, line("hot", temperature=9))

CUTS = {
    "whole": b"",
    "cut": b'{"id": "batch_req-1", "custom_id": "hero-',
    "without-end": b'{"custom_id": "hero-39"}',
    "power-cut": b"\x00\x00\x00\n",
    "other-json": b"[]\n",
}
"""What stands behind the last complete answer."""


@dataclass(frozen=True)
class Crashed:
    """An engine that was killed within a batch and started again, with copies of that batch."""

    engine: EngineProcess
    answered: bytes
    """The complete answers at the time of the kill."""
    published: Batch
    """A batch that was complete before."""


@pytest.fixture(scope="module")
def crashed(tiny_base: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crashed]:
    data = tmp_path_factory.mktemp("crashed")
    with EngineProcess(data, tiny_base) as engine:
        client = engine.blocking_client()
        published = until(client, start(client, [line("one"), line("two", n=0)]), completed=1, failed=1)
        content = client.files.content(published.output_file_id or "").content
        batch = until(client, start(client, LINES), completed=3, failed=1)
        engine.process.kill()
        engine.process.wait()
        folder = data / "batches" / batch.id
        answered = (folder / "output.jsonl").read_bytes()
        answered = answered[: answered.rindex(b"\n") + 1]
        assert answered.count(b"\n") < len(LINES) - 1
        for name, cut in CUTS.items():
            (copy(folder, name) / "output.jsonl").write_bytes(answered + cut)
        copy(folder, "expired", expires_at=int(time.time()) - 1)
        copy(folder, "cancelling", status="cancelling")
        copy(folder, "no-input", input_file_id="file-gone")
        # its results are files, but its status was not saved
        change(folder.parent / published.id, status="finalizing", output_file_id=None, error_file_id=None)
        (folder.parent / published.id / "output.jsonl").write_bytes(content)
        (folder.parent / published.id / "errors.jsonl").write_bytes(b'{"custom_id": "two"}\n')
        (folder.parent / "batch-never-saved").mkdir()
        engine.start()
        yield Crashed(engine, answered, published)


def start(client: OpenAI, lines: list[Any]) -> Batch:
    file = client.files.create(file=jsonl(lines), purpose="batch")
    return client.batches.create(input_file_id=file.id, endpoint=CHAT, completion_window="24h")


def until(client: OpenAI, batch: Batch, *, completed: int, failed: int) -> Batch:
    """Wait until so many requests have results and, if those are all, until the batch is complete."""
    deadline = time.monotonic() + 60
    while True:
        batch = client.batches.retrieve(batch.id)
        counts = batch.request_counts
        assert counts is not None
        all_in = counts.total != completed + failed or batch.status == "completed"
        if counts.completed >= completed and counts.failed >= failed and all_in:
            return batch
        assert time.monotonic() < deadline, batch
        time.sleep(0.01)


def copy(folder: Path, name: str, **fields: Any) -> Path:
    """Copy a batch, with other values in its batch.json."""
    there = folder.parent / f"batch-{name}"
    shutil.copytree(folder, there)
    change(there, id=there.name, **fields)
    return there


def change(folder: Path, **fields: Any) -> None:
    path = folder / "batch.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


@dataclass(frozen=True)
class Ended:
    """A batch that has ended, and its results."""

    batch: Batch
    answers: list[dict[str, Any]]
    errors: list[dict[str, Any]]


async def ended(client: AsyncOpenAI, name: str) -> Ended:
    batch = await until_final(client, await client.batches.retrieve(f"batch-{name}"))
    answers = await results(client, batch.output_file_id)
    errors = await results(client, batch.error_file_id)
    assert batch.request_counts is not None
    assert (batch.request_counts.completed, batch.request_counts.failed) == (len(answers), len(errors))
    return Ended(batch, answers, errors)


@pytest.mark.parametrize("name", CUTS)
async def test_no_request_is_answered_twice(crashed: Crashed, name: str) -> None:
    client = crashed.engine.client()
    after = await ended(client, name)
    content = (await client.files.content(after.batch.output_file_id or "")).content
    assert after.batch.status == "completed"
    assert content.startswith(crashed.answered)
    ids = [each["custom_id"] for each in (*after.answers, *after.errors)]
    assert sorted(ids) == sorted(each["custom_id"] for each in LINES)
    assert [each["custom_id"] for each in after.errors] == ["hot"]


async def test_an_expired_batch_says_so_for_each_open_request(crashed: Crashed) -> None:
    after = await ended(crashed.engine.client(), "expired")
    assert (after.batch.status, bool(after.batch.expired_at)) == ("expired", True)
    assert after.batch.completed_at is None
    assert len(after.answers) == crashed.answered.count(b"\n")
    assert len(after.answers) + len(after.errors) == len(LINES)
    expired = [each for each in after.errors if each["custom_id"] != "hot"]
    assert {each["error"]["code"] for each in expired} == {"batch_expired"}
    assert [each["response"] for each in expired] == [None] * len(expired)


async def test_a_batch_that_was_being_cancelled_is_cancelled(crashed: Crashed) -> None:
    after = await ended(crashed.engine.client(), "cancelling")
    assert after.batch.status == "cancelled"
    assert len(after.answers) == crashed.answered.count(b"\n")


async def test_without_its_input_file_a_batch_fails_and_keeps_its_answers(crashed: Crashed) -> None:
    after = await ended(crashed.engine.client(), "no-input")
    assert after.batch.status == "failed"
    assert after.batch.errors is not None
    assert [error.code for error in after.batch.errors.data or []] == ["file_not_found"]
    assert len(after.answers) == crashed.answered.count(b"\n")


async def test_results_that_are_files_already_become_no_second_files(crashed: Crashed) -> None:
    before = crashed.published
    after = await ended(crashed.engine.client(), before.id.removeprefix("batch-"))
    assert after.batch.status == "completed"
    assert (after.batch.output_file_id, after.batch.error_file_id) == (
        before.output_file_id,
        before.error_file_id,
    )
    assert [each["custom_id"] for each in after.answers] == ["one"]


async def test_a_batch_that_was_never_saved_is_not_there(crashed: Crashed) -> None:
    ids = [batch.id async for batch in await crashed.engine.client().batches.list()]
    assert "batch-never-saved" not in ids
    assert len(ids) == len(CUTS) + 5
