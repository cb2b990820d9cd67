"""Jobs on the dashboard: they arrive by the socket, and are paused, resumed and cancelled."""

from typing import Any

import pytest

from bot.app import App
from bot.local_page.server import Page
from tests.dashboard.conftest import visitor_session
from tests.support.databases import ON_POSTGRES
from tests.support.workflows import build, build_spec


def changes(job: dict[str, Any]) -> list[str]:
    return [action["change"] for action in job["actions"]]


async def test_every_change_of_a_job_is_sent(page: Page, app: App) -> None:
    async with visitor_session(page) as session, session.ws_connect("/socket") as socket:
        assert await socket.receive_json(timeout=20) == {"jobs": []}
        job, _ = await app.builds.submit(build_spec(app))
        (shown,) = (await socket.receive_json(timeout=20))["jobs"]
        assert shown["title"] == f"Building a dataset (job {job.id})"
        assert "Waiting to start." in shown["progress"]
        # no worker is there; on PostgreSQL one of another host has a minute to take it
        assert ("herosmith jobs follow 1" in shown["note"]) is not ON_POSTGRES
        assert changes(shown) == ["pause", "cancel"]
        for change, state, possible in (
            ("pause", "paused", ["resume", "cancel"]),
            ("resume", "queued", ["pause", "cancel"]),
            ("cancel", "cancelled", []),
        ):
            async with session.post(f"/jobs/{job.id}/{change}") as answer:
                assert await answer.json() == {}
            assert (await app.jobs.get(job.id)).state == state
            (shown,) = (await socket.receive_json(timeout=20))["jobs"]
            assert shown["state"] == state
            assert changes(shown) == possible


async def test_a_job_that_ended_tells_how(page: Page, app: App) -> None:
    await build(app)
    async with visitor_session(page) as session, session.ws_connect("/socket") as socket:
        (shown,) = (await socket.receive_json(timeout=20))["jobs"]
    assert "Dataset v1 is ready" in shown["progress"]
    assert shown["actions"] == []
    assert shown["note"] == ""


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("/jobs/1/pause", "Job 1 is done, so that is not possible now."),
        ("/jobs/99/cancel", "There is no job 99."),
        ("/jobs/1/explode", "The page and the dashboard do not understand each other: reload the page."),
        ("/texts/999/keep", "That example is not there any more."),
        ("/texts/1/explode", "The page and the dashboard do not understand each other: reload the page."),
    ],
)
async def test_what_cannot_be_done_is_refused_in_a_sentence(
    page: Page, app: App, path: str, refusal: str
) -> None:
    await build(app)
    async with visitor_session(page) as session, session.post(path) as answer:
        assert (await answer.json())["refused"].startswith(refusal)


async def test_a_visitor_is_answered_in_the_browsers_language(page: Page, app: App) -> None:
    await build(app)
    async with visitor_session(page, **{"Accept-Language": "de"}) as session:
        async with session.ws_connect("/socket") as socket:
            (shown,) = (await socket.receive_json(timeout=20))["jobs"]
        assert shown["title"] == "Ein Datensatz wird gebaut (Auftrag 1)"
        async with session.get("/") as answer:
            text = await answer.text()
    assert '<html lang="de"' in text
    assert ">Aufträge</a>" in text
    assert "{{" not in text
