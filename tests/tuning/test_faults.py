"""Trouble at the model server while a model is tuned: every status, hung connections, answers cut short."""

import pytest

from bot.app import App, Timing
from bot.store.job_schema import FinetuneResult
from bot.tuning.follow import TrainingTiming
from bot.tuning.remote_api import FineTuningApiTiming
from tests.support.scripted_server import Fault, Script
from tests.support.workflows import build, finetune

LOOK = "GET /v1/fine_tuning/jobs/ID"
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
@pytest.mark.parametrize("where", [LOOK, EVENTS, START, JOBS, FILES, FILE, UPLOAD])
async def test_what_passes_is_waited_out_and_nothing_is_done_twice(
    app: App, script: Script, where: str, fault: Fault
) -> None:
    await build(app)
    script.faults[where] = [fault, fault]
    script.trainings.lost_starts = int(where == JOBS)  # only then are the trainings listed
    done = await finetune(app)

    assert (done.state, done.error) == ("succeeded", None)
    assert len(script.trainings.created) == 1
    assert len(script.trainings.uploads) == 2
    assert [model.state for model in await app.registry.all()] == ["live"]


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (401, "refuses this installation's key"),
        (403, "may not fine-tune"),
        (404, "does not know"),
        (400, "secret detail"),
    ],
)
async def test_what_does_not_pass_ends_the_job_in_words(
    app: App, script: Script, fault: int, told: str
) -> None:
    await build(app)
    script.faults[START] = [fault]
    done = await finetune(app)
    assert done.state == "failed"
    assert told in str(done.error)
    assert script.trainings.created == []


@pytest.mark.parametrize("fault", [401, 403])
async def test_a_key_that_is_refused_for_an_hour_loses_no_training(
    app: App, script: Script, fault: int
) -> None:
    await build(app)
    script.faults[LOOK] = [fault] * 5
    assert (await finetune(app)).state == "succeeded"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 422, 500, 501])
async def test_events_that_cannot_be_had_cost_no_training(app: App, script: Script, status: int) -> None:
    await build(app)
    script.faults[EVENTS] = [status] * 1000
    script.trainings.statuses = ["running"] * 3
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    assert [model.state for model in await app.registry.all()] == ["live"]


@pytest.mark.parametrize("where", [LOOK, EVENTS, JOBS, FILES, FILE, UPLOAD, MODELS])
async def test_a_page_with_status_200_is_no_answer(app: App, script: Script, where: str) -> None:
    """A proxy's, while the server behind it is away."""
    await build(app)
    script.faults[where] = ["page", "page"]
    script.trainings.lost_starts = int(where == JOBS)
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    assert len(script.trainings.created) == 1


async def test_odd_numbers_in_events_cost_no_training(app: App, script: Script) -> None:
    script.trainings.losses = ((20, None), (5, float("nan")), (0, 2.5))
    script.trainings.statuses = ["running"] * 3
    await build(app)
    done = await finetune(app)
    assert (done.state, done.error) == ("succeeded", None)
    (model,) = await app.registry.all()
    assert model.metrics == {"loss_after": 2.5}


async def test_a_server_that_only_chats_is_told_so(app: App, script: Script) -> None:
    await build(app)
    script.faults[UPLOAD] = [404]
    assert "There is no fine-tuning" in str((await finetune(app)).error)


async def test_a_server_without_events_is_followed_all_the_same(app: App, script: Script) -> None:
    script.trainings.events_kept = False
    await build(app)
    done = await finetune(app)
    assert done.state == "succeeded"
    assert done.result_as(FinetuneResult).loss_after is None


async def test_statuses_never_seen_before_count_as_running(app: App, script: Script) -> None:
    script.trainings.statuses = ["pre_flight_check", "queued", "running", "merging_weights"]
    await build(app)
    assert (await finetune(app)).state == "succeeded"
    assert script.trainings.statuses == []


async def test_a_job_cancelled_at_the_server_ends_here_too(app: App, script: Script) -> None:
    script.trainings.statuses = ["cancelled"]
    await build(app)
    done = await finetune(app)
    assert done.state == "failed"
    assert "was cancelled at the server" in str(done.error)


async def test_a_success_without_a_model_is_told(app: App, script: Script) -> None:
    script.trainings.quirks = type(script.trainings.quirks)(names_model=False)
    await build(app)
    assert "names no model" in str((await finetune(app)).error)
