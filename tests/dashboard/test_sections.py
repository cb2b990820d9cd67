"""The sections: what the services know, as text, tables and charts."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from bot.app import App
from bot.local_page.server import Page
from bot.store import spending
from tests.dashboard.conftest import fill, visitor_session
from tests.support.workflows import build


async def read(page: Page, path: str) -> dict[str, Any]:
    async with visitor_session(page) as session, session.get(path) as answer:
        assert answer.status == 200
        found: dict[str, Any] = await answer.json()
        return found


async def blocks(page: Page, section: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await read(page, f"/sections/{section}"))["blocks"]
    return found


def series(block: dict[str, Any]) -> dict[str, list[float]]:
    return {each["name"]: each["values"] for each in block["series"]}


@pytest.mark.parametrize("section", ["datasets", "models", "people", "spending", "health"])
async def test_an_empty_installation_has_every_section(page: Page, section: str) -> None:
    assert await blocks(page, section)


async def test_unknown_sections_are_not_found(page: Page) -> None:
    async with visitor_session(page) as session, session.get("/sections/nowhere") as answer:
        assert answer.status == 404


@pytest.mark.usefixtures("two_models")
async def test_models_have_losses_checks_and_trials(page: Page, app: App) -> None:
    await fill(app)
    listed, losses, checks, _, trial, course = await blocks(page, "models")
    models = await app.registry.all()
    assert [row[:3] for row in listed["rows"]] == [["2", "candidate", "v1"], ["1", "live", "v1"]]
    assert losses["labels"] == ["1", "2"]
    assert series(losses)["after it"] == [model.metrics.get("loss_after") for model in models]
    assert checks["axis"] == [0, 100]
    assert all(0 <= share <= 100 for values in series(checks).values() for share in values if share)
    assert "Trial 1, model 2 against 1" in trial["text"]
    (evidence,) = series(course).values()
    assert evidence == pytest.approx([1.0, 0.88710, 0.88710, 0.97723], abs=1e-5)
    assert course["level"]["at"] == 20


@pytest.mark.usefixtures("two_models")
async def test_votes_are_counted_by_day(page: Page, app: App) -> None:
    await fill(app)
    _, votes, duel_votes, reports = await blocks(page, "people")
    assert {name: sum(values) for name, values in series(votes).items()} == {
        "thumbs up": 8,
        "thumbs down": 1,
    }
    assert votes["summary"] == "8 thumbs up and 1 thumbs down"
    assert len(votes["labels"]) == 30
    assert sum(series(duel_votes)["votes in duels"]) == 4
    assert sum(series(reports)["reports"]) == 0


@pytest.mark.settings(daily_budget=2.5)
async def test_spending_stands_beside_the_budget(page: Page, app: App) -> None:
    async with app.db.write() as tx:
        await spending.add(
            tx,
            day=f"{datetime.now(UTC):%Y-%m-%d}",
            purpose="hero",
            model="dear",
            job_id=0,
            prompt_tokens=10,
            completion_tokens=10,
            cost=0.5,
        )
    words, chart, by_model = await blocks(page, "spending")
    assert words["text"].startswith("$2.0000 of the $2.5000 a day")
    assert chart["level"] == {"name": "daily budget", "at": 2.5}
    assert series(chart)["heroes"][-1] == 0.5
    assert by_model["rows"] == [["dear", "heroes", 1, 0.5]]


async def test_health_is_what_the_doctor_finds(page: Page) -> None:
    summary, findings = await blocks(page, "health")
    assert "checks ok" in summary["text"]
    states = [row[0] for row in findings["rows"]]
    assert "database" in [row[1] for row in findings["rows"]]
    order = ["failed", "warning", "ok", "skipped"]
    assert states == sorted(states, key=order.index)


async def test_health_names_the_file_and_misspelt_settings(page: Page, app: App, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COOLDWN=3\n")
    (app.settings.data_dir / "voters.key").unlink()
    await build(app)
    _, findings = await blocks(page, "health")
    assert findings["headings"][-1] == "File"
    files = {row[1]: row[-1] for row in findings["rows"] if row[0] in ("failed", "warning")}
    assert files["settings"] == "`.env`"
    assert files["pseudonyms"] == f"`{app.settings.data_dir / 'voters.key'}`"
    (misspelt,) = (row[2] for row in findings["rows"] if row[1] == "settings")
    assert "did you mean COOLDOWN?" in misspelt


async def test_texts_are_filtered_and_judged(page: Page, app: App) -> None:
    await build(app)
    (dataset,) = await app.dataset_contents.all()
    found = await read(page, "/texts")
    assert found["version"] == "1"
    texts = dataset.counts["train"] + dataset.counts.get("valid", 0)
    assert found["found"] == f"{texts} texts"
    assert len(found["texts"]) == min(texts, 20)
    assert (await read(page, "/texts?page=99"))["texts"] == []

    written = await read(page, "/texts?source=example")
    first = written["texts"][0]
    path = f"/texts/{first['example']}/reject"
    async with visitor_session(page) as session, session.post(path) as answer:
        assert await answer.json() == {}
    again = (await read(page, "/texts?source=example"))["texts"][0]
    assert again["example"] == first["example"]
    assert again["verdict"] == "reject"
    assert "review: rejected" in again["facts"]


async def test_answers_that_were_left_out_are_shown_with_the_reason(page: Page, app: App) -> None:
    await build(app)
    rejected = (await read(page, "/texts?source=example"))["texts"][0]
    await app.reviews.judge(rejected["example"], "reject")
    await build(app)
    left = await read(page, "/texts?version=2&reason=rejected+in+review")
    assert [each["example"] for each in left["texts"]] == [rejected["example"]]
    assert "left out: rejected in review" in left["texts"][0]["facts"]
    kept = await read(page, "/texts?version=2&source=example")
    assert rejected["example"] not in [each["example"] for each in kept["texts"]]


@pytest.mark.parametrize("query", ["version=x", "version=99", "page=x", "score=x"])
async def test_a_filter_that_cannot_be_read_is_refused(page: Page, app: App, query: str) -> None:
    await build(app)
    assert "reload the page" in (await read(page, f"/texts?{query}"))["refused"]


@pytest.mark.usefixtures("two_models")
async def test_texts_of_people_are_filtered_by_their_votes(page: Page, app: App) -> None:
    await fill(app)
    await build(app)
    liked = await read(page, "/texts?source=description")
    assert liked["texts"]
    assert all("👍" in each["facts"] for each in liked["texts"])
    best = await read(page, "/texts?score=0.9")
    assert best["texts"]
    assert all("👎 0" in each["facts"] for each in best["texts"])
