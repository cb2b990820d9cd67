"""Faults of the model server during a fine-tuning: every status, hung connections, truncated answers."""

import pytest

from bot.app import App, Timing
from bot.store.job_schema import FinetuneResult
from bot.tuning.follow import TrainingTiming
from bot.tuning.remote_calls import FineTuningApiTiming
from tests.support.scripted_server import Fault, Script
from tests.support.workflows import build, finetune

POLL = "GET /v1/fine_tuning/jobs/ID"
EVENTS = "GET /v1/fine_tuning/jobs/ID/events"
START = "POST /v1/fine_tuning/jobs"
JOBS = "GET /v1/fine_tuning/jobs"
UPLOAD = "POST /v1/files"
MODELS = "GET /v1/models"
FILES = "GET /v1/files"
FILE = "GET /v1/files/ID"


@pytest.fixture
def timing() -> Timing:
    return Timing(
        training=TrainingTiming(poll=0.01, slowest_poll=0.02, listed_within=0.0, start_pauses=(0, 0, 0)),
        fine_tuning_api=FineTuningApiTiming(
            timeout=0.3, start_timeout=0.3, upload_timeout=0.3, upload_pauses=(0, 0, 0), max_pause=0.05
        ),
    )


@pytest.mark.parametrize("fault", [429, 500, "half", "drop", "hang"])
@pytest.mark.parametrize("endpoint", [POLL, EVENTS, START, JOBS, FILES, FILE, UPLOAD])
async def test_transient_faults_are_retried_and_nothing_is_done_twice(
    app: App, script: Script, endpoint: str, fault: Fault
) -> None:
    await build(app)
    script.faults[endpoint] = [fault, fault]
    script.trainings.lost_starts = int(endpoint == JOBS)  # trainings are listed only then
    done = await finetune(app)

    assert (done.state, done.error) == ("succeeded", None)
    assert len(script.trainings.created) == 1
    assert len(script.trainings.uploads) == 3  # to learn from, held out, and for reference
    assert [model.state for model in await app.registry.all()] == ["live"]


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (401, "refuses this installation's key"),
        (403, "may not train models"),
        (404, "does not know"),
        (400, "secret detail"),
    ],
)
async def test_permanent_faults_fail_the_job_with_a_sentence(
    app: App, script: Script, fault: int, expected: str
) -> None:
    await build(app)
    script.faults[START] = [fault]
    done = await finetune(app)
    assert done.state == "failed"
    assert expected in str(done.error)
    assert script.trainings.created == []


@pytest.mark.parametrize("endpoint", [UPLOAD, START])
async def test_a_full_disk_is_told_at_once(app: App, script: Script, endpoint: str) -> None:
    await build(app)
    script.failure_code = "disk_full"
    script.faults[endpoint] = [507]
    done = await finetune(app)
    assert done.state == "failed"
    assert "The engine's disk is full. Free some space" in str(done.error)
    assert script.trainings.created == []


@pytest.mark.parametrize("fault", [401, 403])
async def test_a_refused_key_loses_no_training(app: App, script: Script, fault: int) -> None:
    await build(app)
    script.faults[POLL] = [fault] * 5
    assert (await finetune(app)).state == "succeeded"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 500, 501])
async def test_missing_events_lose_no_training(app: App, script: Script, status: int) -> None:
    await build(app)
    script.faults[EVENTS] = [status] * 1000
    script.trainings.statuses = ["running"] * 3
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    assert [model.state for model in await app.registry.all()] == ["live"]


@pytest.mark.parametrize("endpoint", [POLL, EVENTS, JOBS, FILES, FILE, UPLOAD, MODELS])
async def test_a_html_page_with_status_200_is_no_answer(app: App, script: Script, endpoint: str) -> None:
    """A proxy sends it while the server behind it is down."""
    await build(app)
    script.faults[endpoint] = ["page", "page"]
    script.trainings.lost_starts = int(endpoint == JOBS)
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    assert len(script.trainings.created) == 1


async def test_invalid_numbers_in_events_lose_no_training(app: App, script: Script) -> None:
    script.trainings.losses = ((20, None), (5, float("nan")), (0, 2.5))
    script.trainings.statuses = ["running"] * 3
    await build(app)
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    (model,) = await app.registry.all()
    assert model.metrics == {"loss_after": 2.5}


async def test_a_server_without_fine_tuning_is_reported(app: App, script: Script) -> None:
    await build(app)
    script.faults[UPLOAD] = [404]
    assert "Models cannot be trained with the embedded engine" in str((await finetune(app)).error)


async def test_a_server_without_events_is_followed(app: App, script: Script) -> None:
    script.trainings.events_kept = False
    await build(app)
    done = await finetune(app)
    assert done.state == "succeeded"
    assert done.result_as(FinetuneResult).loss_after is None


async def test_unknown_statuses_count_as_running(app: App, script: Script) -> None:
    script.trainings.statuses = ["pre_flight_check", "queued", "running", "merging_weights"]
    await build(app)
    assert (await finetune(app)).state == "succeeded"
    assert script.trainings.statuses == []


async def test_a_job_cancelled_at_the_server_ends_here_too(app: App, script: Script) -> None:
    script.trainings.statuses = ["cancelled"]
    await build(app)
    done = await finetune(app)
    assert done.state == "failed"
    assert "Somebody else cancelled it" in str(done.error)


async def test_a_success_without_a_model_is_reported(app: App, script: Script) -> None:
    script.trainings.quirks = type(script.trainings.quirks)(names_model=False)
    await build(app)
    assert "names no model" in str((await finetune(app)).error)
